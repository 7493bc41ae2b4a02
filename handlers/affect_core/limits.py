"""How much one clip may ask of the machine."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from affect_core.errors import DeadlineExceededError, FrameTooLargeError


class Limits(BaseModel):
    """Upper bounds, checked before the work where the container tells, and during it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_duration_s: float = Field(default=1200.0, gt=0, description="Seconds of clip.")
    max_samples: int = Field(default=6000, ge=1, description="Sampled frames of one clip.")
    max_side: int = Field(default=8192, ge=16, description="Pixels of a frame's longer side.")
    max_pixels: int = Field(default=8192 * 4320, ge=256, description="Pixels of a frame (8K).")
    max_wall_s: float = Field(default=1800.0, gt=0, description="Seconds of work for one clip.")
    max_decoder_bytes: int = Field(
        default=2 * 1024**3, ge=2**28, description="Memory of the process that decodes one clip."
    )

    def check_frame(self, width: int, height: int) -> None:
        """Raise `FrameTooLargeError` for a frame of more pixels than are allowed."""
        if max(width, height) > self.max_side or width * height > self.max_pixels:
            raise FrameTooLargeError(
                f"Frames have {width}x{height} pixels; the limit is {self.max_side} a side "
                f"and {self.max_pixels} in all. Scale them down; "
                "the face is resized to 224 pixels anyway."
            )


MIN_SIDE = 16
"""Pixels. A smaller frame cannot hold a face that any of the detectors finds."""


class Patience(Protocol):
    """Asked at every read and every packet whether to go on."""

    def check(self) -> None:
        """Raise a `ClipError`, or end otherwise, once it is over."""


@dataclass(slots=True)
class Deadline:
    """A point in monotonic time after which work stops. It may be brought forward, by `end`."""

    seconds: float
    at: float = field(init=False)

    def __post_init__(self) -> None:
        self.at = time.monotonic() + self.seconds

    @classmethod
    def begun(cls, seconds: float, left: float) -> Deadline:
        """One of which `left` seconds are left."""
        deadline = cls(seconds)
        deadline.at = time.monotonic() + left
        return deadline

    def end(self) -> None:
        """Nobody waits any more: what is at work, in whatever thread, stops as soon as it looks."""
        self.at = -math.inf

    @property
    def left(self) -> float:
        """Seconds left; negative once it is over."""
        return self.at - time.monotonic()

    def error(self) -> DeadlineExceededError:
        """What to tell a caller once it is over."""
        return DeadlineExceededError(
            f"The {self.seconds:g} s allowed for a clip are over. "
            "Send a shorter clip, a lower sample_fps, or try again when the server is idle."
        )

    def check(self) -> None:
        """Raise `DeadlineExceededError` once it is over."""
        if self.left <= 0:
            raise self.error()
