"""A trained network -> the operator calls it makes, which serve without its library."""

from __future__ import annotations

import operator
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind

from affect_core.graph import Argument, Call, Graph, GraphBackbone, Items, Value, Weight
from affect_training.errors import TrainingError


class UnsupportedNetworkError(TrainingError):
    """A network that cannot be carried as a graph."""


def export_graph(network: nn.Module, crop_size: int) -> GraphBackbone:
    """What `network` computes in evaluation mode, as a graph that holds its weights.

    Args:
        network: (N, 3, crop_size, crop_size) -> (N, C, H, H).
        crop_size: pixels.

    Raises:
        UnsupportedNetworkError: it branches on its input, or uses an operator that graphs
            may not call.
    """
    example = torch.zeros(2, 3, crop_size, crop_size)
    batch = torch.export.Dim("batch", min=1, max=4096)
    try:
        program = torch.export.export(
            network.eval(), (example,), dynamic_shapes=({0: batch},), strict=False
        )
    except Exception as error:  # torch.export has no common base for what it cannot trace
        raise UnsupportedNetworkError(
            f"{type(network).__name__} cannot be exported: {type(error).__name__}: {error}"
        ) from error
    return _graph_of(program, type(network).__name__)


def _graph_of(program: torch.export.ExportedProgram, name: str) -> GraphBackbone:
    weights: dict[str, Tensor] = {}
    references: dict[str, Argument] = {}
    inputs: list[str] = []
    for spec in program.graph_signature.input_specs:
        placeholder = spec.arg.name
        if spec.kind is InputKind.USER_INPUT:
            inputs.append(placeholder)
            references[placeholder] = Value(name=placeholder)
        else:
            target = str(spec.target)
            weight = "w_" + target.replace(".", "_")
            source = {**program.state_dict, **program.constants}
            weights[weight] = source[target].detach().clone()
            references[placeholder] = Weight(name=weight)
    calls: list[Call] = []
    output: str | None = None
    for node in program.graph.nodes:
        if node.op == "call_function" and node.users:
            calls.append(_call(node, references, name))
            references[node.name] = Value(name=node.name)
        elif node.op == "output":
            results = node.args[0]
            output = results[0].name if len(results) == 1 else None
    if output is None or len(inputs) != 1:
        raise UnsupportedNetworkError(f"{name} does not map one input to one output")
    used = {
        str(w) for call in calls for w in _weights_of((*call.arguments, *call.keywords.values()))
    }
    graph = Graph(
        input=inputs[0],
        calls=tuple(calls),
        output=output,
        weights={k: tuple(v.shape) for k, v in weights.items() if k in used},
    )
    backbone = GraphBackbone(graph)
    backbone.load_state_dict({k: v for k, v in weights.items() if k in used})
    return backbone.eval()


def _call(node: fx.Node, references: dict[str, Argument], name: str) -> Call:
    called = "getitem" if node.target is operator.getitem else str(node.target)
    try:
        return Call(
            name=node.name,
            operator=called,
            arguments=tuple(_argument(a, references) for a in node.args),
            keywords={k: _argument(v, references) for k, v in node.kwargs.items()},
        )
    except (ValidationError, TypeError) as error:
        raise UnsupportedNetworkError(
            f"{name} calls {called}, which a graph may not: choose a network "
            "like resnet34, resnet50, inception_v3, efficientnet_b0 or convnext_atto."
        ) from error


def _argument(value: Any, references: dict[str, Argument]) -> Argument:
    if isinstance(value, fx.Node):
        return references[value.name]
    if isinstance(value, list | tuple):
        return Items(items=tuple(_argument(item, references) for item in value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be carried")


def _weights_of(arguments: tuple[Argument, ...]) -> set[str]:
    found: set[str] = set()
    for argument in arguments:
        if isinstance(argument, Weight):
            found.add(argument.name)
        elif isinstance(argument, Items):
            found |= _weights_of(argument.items)
    return found
