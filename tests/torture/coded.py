"""Clips that carry a code: a face at a place of its own, and a number of samples.

The box in an answer tells which clip it belongs to, so one that reached the wrong caller shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import skimage.data

import clips
from affect_client import wire
from affect_core.types import Image

FPS: Final = 5
_SIDE: Final = 112
_PLACES: Final = [(x, y) for y in (0, 62, 124) for x in (0, 44, 88, 132, 176, 208)]
CODES: Final = range(len(_PLACES))
TOLERANCE: Final = 1e-4
"""Between two runs of the same clip in other company; boxes and tracks must be equal."""


@lru_cache
def _face() -> Image:
    portrait = skimage.data.astronaut()[0:300, 80:380]
    return np.asarray(cv2.resize(portrait, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def frames(code: int, samples: int) -> Iterator[Image]:
    """320x240 pixels; the face becomes darker, so that no two samples have the same values."""
    x, y = _PLACES[code]
    for k in range(samples):
        image = np.full((240, 320, 3), 128, np.uint8)
        image[y : y + _SIDE, x : x + _SIDE] = _face() * (1 - 0.3 * k / max(1, samples))
        yield image


@lru_cache
def clip(code: int, samples: int = 5) -> bytes:
    """One code's clip: so many samples at 5 a second."""
    return clips.encode(frames(code, samples), fps=FPS)


@lru_cache
def picture(code: int) -> bytes:
    """The first frame as JPEG, for a live session."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(next(frames(code, 1)), cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def same(got: Sequence[wire.Frame], expected: Sequence[wire.Frame]) -> bool:
    """Whether these are the frames of that very clip."""
    return len(got) == len(expected) and all(map(_same_frame, got, expected))


def _same_frame(got: wire.Frame, expected: wire.Frame) -> bool:
    if (got.index, len(got.faces)) != (expected.index, len(expected.faces)):
        return False
    return all(
        (face.track, face.box) == (other.track, other.box)
        and abs(face.arousal - other.arousal) < TOLERANCE
        and abs(face.valence - other.valence) < TOLERANCE
        for face, other in zip(got.faces, expected.faces, strict=True)
    )
