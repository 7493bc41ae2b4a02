"""Convolutions in eight bits: which ranges their inputs have, and what rounding to them does.

A network is called as it is while each convolution on the way is watched, or replaced by one whose
input and weights are rounded to 256 levels. So any backbone can be quantised, not only VGG. An
engine with integer arithmetic finds the rounding in the traced graph and computes in integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Range = tuple[float, float]
"""The lowest and the highest value that stay as they are; lower and higher ones are clipped."""

_CONVOLUTIONS: Final = (
    functional.conv2d,
    torch.conv2d,
    torch.ops.aten.conv2d.default,
)
_LEVELS: Final = 255
_WEIGHT_LEVELS: Final = 127
_SAMPLED: Final = 65_536
"""Values of each convolution's input and call that the choice of its range looks at."""
_CLIPPINGS: Final = tuple(fraction / 40 for fraction in range(16, 41))
"""Shares of the full range that are tried."""


def observe(run: Callable[[Tensor], Tensor], batches: Sequence[Tensor]) -> tuple[Range, ...]:
    """The range of each convolution's input that rounds it with the least squared error.

    Args:
        run: calls its convolutions in the same order each time.
        batches: what it is called with.

    Returns:
        One range for each convolution, in the order of the calls; 0 is within each.
    """
    watching = _Watching()
    with torch.inference_mode(), watching:
        for batch in batches:
            watching.position = 0
            run(batch)
    return tuple(_best_range(torch.cat(values)) for values in watching.values)


class Quantised(TorchFunctionMode):
    """Within it, the network's convolutions round their inputs and weights to eight bits.

    Inputs have one scale for all (asymmetric, 256 levels), weights one for each output channel
    (symmetric, 255 levels).

    Args:
        ranges: as `observe` found them.
    """

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__()
        self._ranges = tuple(ranges)
        self._scales: dict[int, tuple[Tensor, Tensor]] = {}
        self._position = 0

    def __enter__(self) -> Quantised:
        self._position = 0
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Round what a convolution takes; everything else goes its way."""
        if func not in _CONVOLUTIONS:
            return func(*args, **(kwargs or {}))
        taken, weight, *rest = args
        low, high = self._ranges[self._position]
        scale = (high - low) / _LEVELS
        taken = torch.fake_quantize_per_tensor_affine(taken, scale, round(-low / scale), 0, _LEVELS)
        scales, zeros = self._weight_scales(weight)
        weight = torch.fake_quantize_per_channel_affine(
            weight, scales, zeros, 0, -_WEIGHT_LEVELS, _WEIGHT_LEVELS
        )
        self._position += 1
        return func(taken, weight, *rest, **(kwargs or {}))

    def _weight_scales(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        # Known before a trace begins: in a graph they must be constants.
        if self._position not in self._scales:
            largest = weight.detach().abs().amax(dim=(1, 2, 3))
            # A channel without weights needs a scale all the same.
            scales = largest.clamp_min(1e-12) / _WEIGHT_LEVELS
            self._scales[self._position] = scales, torch.zeros_like(scales, dtype=torch.int32)
        return self._scales[self._position]


class _Watching(TorchFunctionMode):
    """Keeps a sample of every convolution's input."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self.values: list[list[Tensor]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _CONVOLUTIONS:
            if self.position == len(self.values):
                self.values.append([])
            self.values[self.position].append(_sample(args[0]))
            self.position += 1
        return func(*args, **(kwargs or {}))


def _sample(values: Tensor) -> Tensor:
    """The lowest and the highest value, and evenly spaced ones of the rest."""
    flat = values.detach().flatten()
    step = max(1, flat.numel() // _SAMPLED)
    return torch.cat([flat[::step], flat.min()[None], flat.max()[None]]).clone()


def _best_range(values: Tensor) -> Range:
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if low == high:
        return low, high + 1.0
    errors = {}
    for share in _CLIPPINGS:
        scale = share * (high - low) / _LEVELS
        rounded = torch.fake_quantize_per_tensor_affine(
            values, scale, round(-low * share / scale), 0, _LEVELS
        )
        errors[share] = float((rounded - values).square().mean())
    share = min(errors, key=lambda tried: errors[tried])
    return low * share, high * share
