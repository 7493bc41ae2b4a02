"""What goes into the pipeline and what comes out, as it becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from affect_core.errors import ClipError
from affect_core.session import Session
from affect_core.types import ClipInfo, FrameAffect, Sampling, StageSeconds

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A clip's bytes and what is wanted from it."""

    data: Bytes
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class PieceJob:
    """A short clip whose samples go on in a session, which is changed.

    `sampling` counts from the piece's first frame, which is at `start_s` seconds of the session.
    """

    data: Bytes
    sampling: Sampling
    session: Session
    start_s: float


@dataclass(frozen=True, slots=True)
class PicturesJob:
    """JPEG or PNG pictures that go on in a session, which is changed; a time in seconds each."""

    pictures: Sequence[Bytes]
    times_s: Sequence[float]
    session: Session

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.times_s):
            raise ValueError(f"{len(self.pictures)} pictures, {len(self.times_s)} times")


Job = ClipJob | PieceJob | PicturesJob


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
class PicturesDone:
    """Every picture's frame was given."""

    job: int
    seconds: StageSeconds


@dataclass(frozen=True, slots=True)
class ClipFailed:
    """The job has no answer, or none beyond the frames already given.

    `error` is None for a defect of ours, which the log places without naming the clip.
    """

    job: int
    error: ClipError | None


Event = ClipOpened | FrameDone | ClipDone | PicturesDone | ClipFailed
