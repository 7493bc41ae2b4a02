"""What can go wrong between a clip and its numbers.

AffectError
├── ClipError                one clip cannot be answered; carries the contract's code
│   ├── UndecodableClipError
│   ├── NoVideoStreamError
│   ├── ClipTooLongError
│   ├── FrameTooLargeError
│   ├── InvalidSamplingError
│   ├── SessionMismatchError
│   └── DeadlineExceededError
├── DeviceLostError          the model's device computes no more in this process
├── SpecError                a checkpoint or its spec cannot be honoured
└── DetectorUnavailableError a face detector cannot run here
"""

from __future__ import annotations

from typing import ClassVar


def place_of(error: BaseException) -> str:
    """File and line of a defect. Its message may hold content of a clip and is left out."""
    place, traceback = "unknown", error.__traceback__
    while traceback is not None:
        place = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


class AffectError(Exception):
    """Base of every error this package raises on purpose."""


class ClipError(AffectError):
    """One clip cannot be answered; its message says why and what to do.

    Messages never hold anything taken from the clip but sizes and durations.
    """

    code: ClassVar[str]


class UndecodableClipError(ClipError):
    """No frame could be decoded, or its timestamps are missing."""

    code = "undecodable_clip"


class NoVideoStreamError(ClipError):
    """The container holds no video stream."""

    code = "no_video_stream"


class ClipTooLongError(ClipError):
    """The clip, or the samples asked of it, exceed the limits."""

    code = "clip_too_long"


class FrameTooLargeError(ClipError):
    """A frame exceeds the limits."""

    code = "frame_too_large"


class InvalidSamplingError(ClipError):
    """The requested times hold no sample of this clip."""

    code = "invalid_options"


class SessionMismatchError(ClipError):
    """A sample does not go on where its session stands."""

    code = "invalid_options"


class DeadlineExceededError(ClipError):
    """The time allowed for the clip is over."""

    code = "deadline_exceeded"


class DeviceLostError(AffectError):
    """The device has failed in a way that only a new process gets over: its context is gone."""


class SpecError(AffectError):
    """A checkpoint, its digest or its spec cannot be honoured here."""


class DetectorUnavailableError(AffectError):
    """A face detector cannot run on this machine."""
