"""What goes into the pipeline and what comes out, as it becomes known."""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_core.errors import ClipError
from affect_core.types import ClipInfo, FrameAffect, Sampling, StageSeconds


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A clip's bytes and what is wanted from it."""

    data: bytes | bytearray | memoryview
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class ClipOpened:
    """The clip's container and first frame were read; no number is known yet."""

    job: int
    clip: ClipInfo


@dataclass(frozen=True, slots=True)
class FrameDone:
    """One sampled frame's faces, in time order within a job."""

    job: int
    frame: FrameAffect


@dataclass(frozen=True, slots=True)
class ClipDone:
    """Every sampled frame of the clip was given; `clip` now says whether it broke off."""

    job: int
    clip: ClipInfo
    seconds: StageSeconds


@dataclass(frozen=True, slots=True)
class ClipFailed:
    """The clip has no answer, or none beyond the frames already given.

    `error` is None for a defect of ours, which the log places without naming the clip.
    """

    job: int
    error: ClipError | None


Event = ClipOpened | FrameDone | ClipDone | ClipFailed
