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

_Apply = Callable[[Tensor, Tensor], Tensor]
"""A convolution of an input with a weight, as the network calls it."""

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
    with torch.inference_mode():
        for batch in batches:
            with watching:
                run(batch)
    return tuple(_best_range(torch.cat(values)) for values in watching.values)


def rounding_errors(
    run: Callable[[Tensor], Tensor], batch: Tensor, ranges: Sequence[Range]
) -> tuple[float, ...]:
    """What rounding does to each convolution's own output: error power over signal power.

    Args:
        run: calls its convolutions in the same order each time.
        batch: what it is called with.
        ranges: of each convolution's input.
    """
    comparing = _Comparing(ranges)
    with torch.inference_mode(), comparing:
        run(batch)
    return tuple(comparing.errors)


class _Convolutions(TorchFunctionMode):
    """Within it, a network's convolutions go through `convolve`, counted from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def __enter__(self) -> _Convolutions:
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
        if func not in _CONVOLUTIONS:
            return func(*args, **(kwargs or {}))
        taken, weight, *rest = args
        position, self._position = self._position, self._position + 1

        def apply(taken: Tensor, weight: Tensor) -> Tensor:
            output: Tensor = func(taken, weight, *rest, **(kwargs or {}))
            return output

        return self.convolve(position, taken, weight, apply)

    def convolve(self, position: int, taken: Tensor, weight: Tensor, apply: _Apply) -> Tensor:
        """What one convolution gives."""
        raise NotImplementedError


class Quantised(_Convolutions):
    """Within it, the network's convolutions round their inputs and weights to eight bits.

    Inputs have one scale for all (asymmetric, 256 levels), weights one for each output channel
    (symmetric, 255 levels).

    Args:
        ranges: as `observe` found them; a convolution whose range is None rounds nothing.
    """

    def __init__(self, ranges: Sequence[Range | None]) -> None:
        super().__init__()
        self._ranges = tuple(ranges)
        self._scales: dict[int, tuple[Tensor, Tensor]] = {}

    def convolve(self, position: int, taken: Tensor, weight: Tensor, apply: _Apply) -> Tensor:
        """Round what a convolution takes."""
        span = self._ranges[position]
        if span is None:
            return apply(taken, weight)
        low, high = span
        scale = (high - low) / _LEVELS
        taken = torch.fake_quantize_per_tensor_affine(taken, scale, round(-low / scale), 0, _LEVELS)
        # Known before a trace begins: in a graph they must be constants.
        if position not in self._scales:
            self._scales[position] = _weight_scales(weight)
        scales, zeros = self._scales[position]
        weight = torch.fake_quantize_per_channel_affine(
            weight, scales, zeros, 0, -_WEIGHT_LEVELS, _WEIGHT_LEVELS
        )
        return apply(taken, weight)


class _Watching(_Convolutions):
    """Keeps a sample of every convolution's input."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[list[Tensor]] = []

    def convolve(self, position: int, taken: Tensor, weight: Tensor, apply: _Apply) -> Tensor:
        """Look at what a convolution takes."""
        if position == len(self.values):
            self.values.append([])
        self.values[position].append(_sample(taken))
        return apply(taken, weight)


class _Comparing(_Convolutions):
    """Applies every convolution with and without rounding, and goes on with the latter."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__()
        self._rounding = Quantised(ranges)
        self.errors: list[float] = []

    def convolve(self, position: int, taken: Tensor, weight: Tensor, apply: _Apply) -> Tensor:
        """Compare what a convolution gives."""
        exact = apply(taken, weight)
        rounded = self._rounding.convolve(position, taken, weight, apply)
        # A convolution that gives nothing has no error either.
        signal = exact.square().mean().clamp_min(1e-30)
        self.errors.append(float((rounded - exact).square().mean() / signal))
        return exact


def _weight_scales(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point of each output channel."""
    largest = weight.detach().abs().amax(dim=(1, 2, 3))
    # A channel without weights needs a scale all the same.
    scales = largest.clamp_min(1e-12) / _WEIGHT_LEVELS
    return scales, torch.zeros_like(scales, dtype=torch.int32)


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
