"""Backbones as lists of operator calls: graphs written by hand against what they stand for."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional

from affect_core.graph import OPERATORS, Call, Graph, GraphBackbone, Items, Value, Weight


def value(name: str) -> Value:
    return Value(name=name)


def weight(name: str) -> Weight:
    return Weight(name=name)


def items(*values: Any) -> Items:
    return Items(items=values)


def call(name: str, operator: str, *arguments: Any, **keywords: Any) -> Call:
    return Call(name=name, operator=operator, arguments=arguments, keywords=keywords)


def branching() -> Graph:
    """Two branches of chunks over one convolution, which is used again at the end."""
    return Graph(
        input="x",
        calls=(
            call(
                "conv",
                "aten.conv2d.default",
                value("x"),
                weight("w_conv_weight"),
                weight("w_conv_bias"),
                items(2, 2),
                items(1, 1),
            ),
            call("halves", "aten.chunk.default", value("conv"), 2, 1),
            call("left", "getitem", value("halves"), 0),
            call("right", "getitem", value("halves"), 1),
            call("gate", "aten.sigmoid.default", value("right")),
            call("gated", "aten.mul.Tensor", value("left"), value("gate")),
            call("joined", "aten.cat.default", items(value("gated"), value("left")), 1),
            call("sum", "aten.add.Tensor", value("joined"), value("conv"), alpha=3),
        ),
        output="sum",
        weights={"w_conv_weight": (4, 3, 3, 3), "w_conv_bias": (4,)},
    )


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filled(graph: Graph) -> GraphBackbone:
    backbone = GraphBackbone(graph)
    state = {n: noise(*shape, seed=k) for k, (n, shape) in enumerate(graph.weights.items())}
    backbone.load_state_dict(state)
    return backbone.eval()


def expected_of(backbone: GraphBackbone, frames: Tensor) -> Tensor:
    """`branching` in plain torch and float64."""
    weights, bias = backbone.get_parameter("w_conv_weight"), backbone.get_parameter("w_conv_bias")
    conv = functional.conv2d(frames.double(), weights.double(), bias.double(), 2, 1)
    left, right = conv[:, :2], conv[:, 2:]
    return torch.cat([left / (1 + (-right).exp()), left], 1) + 3 * conv


@given(batch=st.integers(1, 5), side=st.integers(1, 9), seed=st.integers(0, 99))
def test_a_graph_computes_what_its_calls_say(batch: int, side: int, seed: int) -> None:
    backbone, frames = filled(branching()), noise(batch, 3, side, side, seed=seed)
    before = frames.clone()
    torch.testing.assert_close(
        backbone(frames).double(), expected_of(backbone, frames), rtol=1e-5, atol=1e-5
    )
    assert torch.equal(frames, before)


def test_a_graph_runs_in_half_precision_and_in_another_memory_format() -> None:
    backbone, frames = filled(branching()), noise(2, 3, 8, 8, seed=3)
    expected = expected_of(backbone, frames)
    backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    last = frames.to(memory_format=torch.channels_last)
    torch.testing.assert_close(backbone(last).double(), expected, rtol=1e-5, atol=1e-5)
    halved = backbone.to(torch.bfloat16)(last.bfloat16())
    assert halved.dtype == torch.bfloat16
    torch.testing.assert_close(halved.double(), expected, rtol=0.05, atol=0.2)


def test_weights_are_parameters_that_do_not_learn() -> None:
    backbone = GraphBackbone(branching())
    shapes = {name: tuple(parameter.shape) for name, parameter in backbone.named_parameters()}
    assert shapes == {"w_conv_weight": (4, 3, 3, 3), "w_conv_bias": (4,)}
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.text(max_size=5),
)
arguments = st.recursive(
    st.one_of(scalars, st.builds(Value, name=st.text()), st.builds(Weight, name=st.text())),
    lambda inner: st.builds(Items, items=st.lists(inner, max_size=3).map(tuple)),
    max_leaves=6,
)


def same(one: Any, other: Any) -> bool:
    """Equal with equal types: True, 1 and 1.0 are three different arguments."""
    if isinstance(one, Items) and isinstance(other, Items):
        return len(one.items) == len(other.items) and all(map(same, one.items, other.items))
    return type(one) is type(other) and bool(one == other)


@given(argument=arguments)
def test_every_argument_comes_back_from_json_as_it_was(argument: Any) -> None:
    graph = Graph(
        input="x",
        calls=(call("y", "aten.relu.default", argument, key=argument),),
        output="y",
        weights={},
    )
    (read,) = Graph.model_validate_json(graph.model_dump_json()).calls
    assert same(read.arguments[0], argument)
    assert same(read.keywords["key"], argument)


def test_minus_infinity_as_padding_survives_the_file() -> None:
    graph = Graph(
        input="x",
        calls=(
            call("y", "aten.pad.default", value("x"), items(1, 0, 1, 0), "constant", -math.inf),
        ),
        output="y",
        weights={},
    )
    read = Graph.model_validate_json(graph.model_dump_json())
    frames = noise(1, 3, 2, 2, seed=1)
    assert torch.equal(GraphBackbone(read)(frames), GraphBackbone(graph)(frames))


@pytest.mark.parametrize(
    "operator",
    [
        "aten.from_file.default",
        "aten.set_.source_Storage",
        "aten.as_strided.default",
        "aten.save.default",
        "profiler._record_function_enter.default",
        "builtins.eval",
        "aten.conv2d",
        "",
    ],
)
def test_an_operator_outside_the_list_is_refused_by_name(operator: str) -> None:
    described = json.loads(branching().model_dump_json())
    described["calls"][4]["operator"] = operator
    with pytest.raises(ValidationError, match="not one a graph may call") as raised:
        Graph.model_validate_json(json.dumps(described))
    assert f"operator {operator} " in str(raised.value)


@pytest.mark.parametrize("operator", sorted(OPERATORS - {"getitem"}))
def test_every_operator_of_the_list_exists_in_this_torch(operator: str) -> None:
    graph = Graph(input="x", calls=(call("y", operator, value("x")),), output="y", weights={})
    GraphBackbone(graph)


PLAIN = {
    "Tensor",
    "Optional[Tensor]",
    "List[Tensor]",
    "List[int]",
    "Optional[List[int]]",
    "int",
    "Optional[int]",
    "number",
    "float",
    "Optional[float]",
    "bool",
    "str",
}
"""Types of arguments behind which there is neither a file nor a storage nor a device."""


def test_no_operator_of_the_list_reaches_files_or_foreign_memory() -> None:
    for operator in OPERATORS - {"getitem"}:
        namespace, name, overload = operator.split(".")
        assert namespace == "aten"
        schema = getattr(getattr(torch.ops.aten, name), overload)._schema
        types = {str(argument.type) for argument in schema.arguments}
        assert types <= PLAIN, operator


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"conv.weight": [1]}},
        {"weights": {"w_conv/../../x": [1]}},
        {"calls": []},
        {"code": "import os"},
        {"output": None},
    ],
)
def test_a_graph_with_foreign_content_is_refused(change: dict[str, Any]) -> None:
    described = {**json.loads(branching().model_dump_json()), **change}
    with pytest.raises(ValidationError, match=next(iter(change))):
        Graph.model_validate_json(json.dumps(described))
