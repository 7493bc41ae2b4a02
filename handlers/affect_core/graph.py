"""A backbone as data: a list of ATen calls, so that any network serves without its library.

Training exports a network (a timm ResNet, say) to the operators it runs; the archive carries
them as JSON beside the weights. Only operators of the list below run, on tensors alone: no
code travels in an archive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

OPERATORS: Final = frozenset(
    f"aten.{name}"
    for name in [
        "adaptive_avg_pool2d.default",
        "add.Tensor",
        "add_.Tensor",
        "avg_pool2d.default",
        "batch_norm.default",
        "cat.default",
        "chunk.default",
        "clone.default",
        "contiguous.default",
        "conv1d.default",
        "conv2d.default",
        "div.Tensor",
        "dropout.default",
        "expand.default",
        "flatten.using_ints",
        "gelu.default",
        "group_norm.default",
        "hardsigmoid.default",
        "hardsigmoid_.default",
        "hardswish.default",
        "hardswish_.default",
        "hardtanh.default",
        "hardtanh_.default",
        "layer_norm.default",
        "leaky_relu.default",
        "leaky_relu_.default",
        "linear.default",
        "max_pool2d.default",
        "mean.dim",
        "mul.Tensor",
        "mul_.Tensor",
        "pad.default",
        "permute.default",
        "relu.default",
        "relu_.default",
        "reshape.default",
        "reshape_as.default",
        "sigmoid.default",
        "sigmoid_.default",
        "silu.default",
        "silu_.default",
        "slice.Tensor",
        "softmax.int",
        "split.Tensor",
        "squeeze.dim",
        "squeeze.dims",
        "stack.default",
        "sub.Tensor",
        "sum.dim_IntList",
        "sym_size.int",
        "tanh.default",
        "transpose.int",
        "unsqueeze.default",
        "view.default",
    ]
) | {"getitem"}
"""What a graph may call: pure tensor operators, none of which touches files or memory."""


class _Item(BaseModel):
    # "Same" pooling pads with -inf, which JSON proper has no word for.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Value(_Item):
    """The result of an earlier call, or the input, by name."""

    kind: Literal["value"] = "value"
    name: str


class Weight(_Item):
    """A weight or a running statistic, by its name in the weights file."""

    kind: Literal["weight"] = "weight"
    name: str


class Items(_Item):
    """A list of arguments."""

    kind: Literal["items"] = "items"
    items: tuple[Argument, ...]


Argument = (
    Annotated[Value | Weight | Items, Field(discriminator="kind")] | bool | int | float | str | None
)


class Call(_Item):
    """One operator call."""

    name: str = Field(description="Of its result.")
    operator: str
    arguments: tuple[Argument, ...]
    keywords: dict[str, Argument] = Field(default_factory=dict)

    @field_validator("operator")
    @classmethod
    def _is_allowed(cls, operator: str) -> str:
        if operator not in OPERATORS:
            raise ValueError(f"operator {operator} is not one a graph may call")
        return operator


class Graph(_Item):
    """A network from one input to one output, calls in order."""

    input: str
    calls: tuple[Call, ...] = Field(min_length=1)
    output: str
    weights: dict[Annotated[str, Field(pattern=r"^w_[A-Za-z0-9_]+$")], tuple[int, ...]] = Field(
        description="Shapes by name; each is in the weights file as `backbone.<name>`."
    )


class GraphBackbone(nn.Module):
    """Runs a `Graph`. (N, 3, S, S) normalised RGB -> (N, channels, map_size, map_size)."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        for name, shape in graph.weights.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape), requires_grad=False))
        self._calls = [(call, _operator(call.operator)) for call in graph.calls]
        last_use = {name: i for i, call in enumerate(graph.calls) for name in _values_of(call)}
        self._done_after: list[list[str]] = [[] for _ in graph.calls]
        for name, position in last_use.items():
            if name != graph.output:
                self._done_after[position].append(name)

    def forward(self, frames: Tensor) -> Tensor:
        """See the class."""
        values: dict[str, Any] = {self.graph.input: frames}
        for (call, operator), done in zip(self._calls, self._done_after, strict=True):
            arguments = [self._resolve(argument, values) for argument in call.arguments]
            keywords = {k: self._resolve(v, values) for k, v in call.keywords.items()}
            values[call.name] = operator(*arguments, **keywords)
            for name in done:
                del values[name]
        output: Tensor = values[self.graph.output]
        return output

    def _resolve(self, argument: Argument, values: dict[str, Any]) -> Any:
        if isinstance(argument, Value):
            return values[argument.name]
        if isinstance(argument, Weight):
            return self.get_parameter(argument.name)
        if isinstance(argument, Items):
            return [self._resolve(item, values) for item in argument.items]
        return argument


def _operator(name: str) -> Callable[..., Any]:
    if name == "getitem":
        return lambda values, position: values[position]
    namespace, packet, overload = name.split(".")
    operator: Callable[..., Any] = getattr(getattr(getattr(torch.ops, namespace), packet), overload)
    return operator


def _values_of(call: Call) -> set[str]:
    found: set[str] = set()
    waiting: list[Argument] = [*call.arguments, *call.keywords.values()]
    while waiting:
        argument = waiting.pop()
        if isinstance(argument, Value):
            found.add(argument.name)
        elif isinstance(argument, Items):
            waiting.extend(argument.items)
    return found
