"""The values that pass between the stages. Each checks itself when built."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""RGB, shape (height, width, 3), C-contiguous."""

FaceChoice = Literal["primary", "all"]
"""Which tracked faces are wanted: the primary one, or every one."""

RawFace = tuple[float, float, float, float, float]
"""What a detector gives: x, y, width, height in pixels of its image, and score in [0, 1]."""


def check_image(image: Image) -> None:
    """Raise `ValueError` unless `image` is RGB uint8 of shape (height, width, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"not an RGB uint8 image: shape {image.shape}, dtype {image.dtype}")


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels; x to the right, y down, from the top left."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        values = (self.x, self.y, self.width, self.height)
        if not all(math.isfinite(v) for v in values) or self.width <= 0 or self.height <= 0:
            raise ValueError(f"not a box: {values}")

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Detection:
    """A face that a detector found; the box lies inside the frame, on whole pixels."""

    box: Box
    score: float

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"score {self.score} is outside [0, 1]")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a clip are wanted: those at k / fps in [start_s, end_s)."""

    fps: float = 5.0
    start_s: float = 0.0
    end_s: float | None = None
    faces: FaceChoice = "primary"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps {self.fps} is not positive")
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise ValueError(f"start_s {self.start_s} is negative")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise ValueError(f"end_s {self.end_s} is not after start_s {self.start_s}")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is. `duration_s` is None where neither container nor frames tell."""

    duration_s: float | None
    width: int
    height: int
    codec: str
    rotation: Literal[0, 90, 180, 270]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """The upright frame on screen at `time_s` = `index` / fps seconds."""

    index: int
    time_s: float
    image: Image

    def __post_init__(self) -> None:
        check_image(self.image)


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A detection, the person it belongs to, and the square its crop is taken from."""

    track: int
    detection: Detection
    square: Box


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A tracked face with its crop: RGB uint8, (crop_size, crop_size, 3)."""

    face: TrackedFace
    pixels: Image

    def __post_init__(self) -> None:
        check_image(self.pixels)
        if self.pixels.shape[0] != self.pixels.shape[1]:
            raise ValueError(f"crop is not square: {self.pixels.shape}")


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """A sample with its crops, and the tracks that ended by then."""

    index: int
    time_s: float
    crops: tuple[FaceCrop, ...]
    ended: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FaceAffect:
    """Arousal and valence, each in [-1, 1], of one face in one sample; confidence in [0, 1]."""

    face: TrackedFace
    arousal: float
    valence: float
    confidence: float | None = None

    def __post_init__(self) -> None:
        if not (-1 <= self.arousal <= 1 and -1 <= self.valence <= 1):
            raise ValueError(f"outside [-1, 1]: {self.arousal}, {self.valence}")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"outside [0, 1]: {self.confidence}")


@dataclass(frozen=True, slots=True)
class FrameAffect:
    """One sampled frame; `faces` is empty where none was found."""

    index: int
    time_s: float
    faces: tuple[FaceAffect, ...]


@dataclass(slots=True)
class StageSeconds:
    """Seconds spent on one clip, by stage; it grows while the clip is worked on."""

    decode: float = field(default=0.0)
    detect: float = field(default=0.0)
    backbone: float = field(default=0.0)
    temporal: float = field(default=0.0)
    total: float = field(default=0.0)
    queue: float = field(default=0.0)
    """Until its first turn at decoding."""
