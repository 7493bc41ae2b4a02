"""Which frame is on screen at each sample time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

FrameT = TypeVar("FrameT")

ON_SCREEN_TOLERANCE_S: Final = 0.0005
"""Containers round timestamps, Matroska to a millisecond: half of one decides no sample."""


def on_screen(
    frames: Iterable[tuple[float, FrameT]], fps: float, start_s: float, end_s: float
) -> Iterator[tuple[int, FrameT]]:
    """(k, frame on screen at k / fps) for every k with k / fps in [start_s, end_s).

    The frame on screen is the one with the greatest timestamp not above k / fps, within half
    a millisecond; the last k is the last one at or before the last timestamp. Frames whose
    timestamps do not advance are never on screen. One frame is held at a time.

    Args:
        frames: (seconds, frame) in the order they arrive; the first is at 0.
        fps: samples a second, positive.
        start_s: seconds, not negative.
        end_s: seconds; infinity for the clip's end.
    """
    index, stop = _first_index(start_s, fps), _first_index(end_s, fps)
    held_s, held = -math.inf, None
    for time_s, frame in frames:
        if time_s <= held_s:
            continue
        if held is not None:
            while index < stop and index / fps + ON_SCREEN_TOLERANCE_S < time_s:
                yield index, held
                index += 1
        if index >= stop:
            return
        held_s, held = time_s, frame
    while held is not None and index < stop and index / fps <= held_s + ON_SCREEN_TOLERANCE_S:
        yield index, held
        index += 1


def _first_index(time_s: float, fps: float) -> int:
    """The least k with k / fps >= time_s, so that adjacent windows share no sample."""
    position = time_s * fps
    return sys.maxsize if position >= sys.maxsize else math.ceil(position - 1e-9)
