"""Traces and values in characters: eight heights a line, gaps where there is no face."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich.console import Console

AROUSAL: Final = "cyan"
VALENCE: Final = "magenta"
_STEPS: Final = 8
_LEAST_SPAN: Final = 0.2
"""A trace that spans less is drawn on a scale of this, or noise would look like a storm."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters to draw with."""

    heights: str
    """Nothing, then eight heights."""
    gap: str
    side: str
    corner: str
    full: str
    empty: str
    to: str


UNICODE: Final = Glyphs(" ▁▂▃▄▅▆▇█", "·", "│", "└", "█", "·", "\N{EN DASH}")
ASCII: Final = Glyphs(" _.-=+*#@", " ", "|", "+", "#", ".", "-")


def glyphs_of(console: Console) -> Glyphs:
    """What the console's encoding has."""
    return UNICODE if console.encoding.lower().startswith("utf") else ASCII


@dataclass(frozen=True, slots=True)
class Scale:
    """Which values are at the bottom and at the top."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Scale:
        """From the smallest to the largest that is no NaN, within [-1, 1]."""
        known = [value for value in values if not math.isnan(value)] or [0.0]
        low, high = min(known), max(known)
        missing = max(0.0, _LEAST_SPAN - (high - low)) / 2
        low, high = low - missing, high + missing
        shift = max(0.0, -1 - low) - max(0.0, high - 1)
        return cls(low + shift, high + shift)


def columns(values: Sequence[float], width: int, *, stretch: bool = True) -> list[float]:
    """Values brought to so many columns, in order.

    Of many values, a column is the mean of those with a face; it is NaN where none has one. Few
    values are repeated until the width is filled, or have a column each.

    Args:
        values: NaN without a face.
        width: columns there are.
        stretch: fill the width.
    """
    count = len(values)
    if count <= width:
        if not (stretch and count):
            return list(values)
        return [values[at * count // width] for at in range(width)]
    bounds = [at * count // width for at in range(width + 1)]
    return [_mean(values[begin:end]) for begin, end in pairwise(bounds)]


def sparkline(
    values: Sequence[float], scale: Scale, glyphs: Glyphs = UNICODE, *, lines: int = 1
) -> list[str]:
    """Lines of text, from the top, one character for each value.

    A value has at least the lowest height; a gap is a mark in the last line.
    """
    steps = lines * _STEPS
    heights = [_height(value, scale, steps) for value in values]
    drawn = []
    for line in reversed(range(lines)):
        marks = (
            (glyphs.gap if line == 0 else " ")
            if height is None
            else glyphs.heights[min(_STEPS, max(0, height - line * _STEPS))]
            for height in heights
        )
        drawn.append("".join(marks))
    return drawn


def bar(value: float, half: int, glyphs: Glyphs = UNICODE) -> str:
    """A value in [-1, 1] from the middle of a line of 2 * half + 1 characters."""
    length = round(abs(value) * half)
    left = (glyphs.full * length if value < 0 else "").rjust(half, glyphs.empty)
    right = (glyphs.full * length if value > 0 else "").ljust(half, glyphs.empty)
    return f"{left}{glyphs.side}{right}"


def _height(value: float, scale: Scale, steps: int) -> int | None:
    if math.isnan(value):
        return None
    share = (value - scale.low) / (scale.high - scale.low)
    return min(steps, max(1, math.ceil(share * steps)))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
