"""The REST contract: every request, response and error that crosses HTTP.

Arousal and valence lie in [-1, 1] (Russell 1980, doi:10.1037/h0077714). Times are
seconds from the clip's first frame. Boxes are pixels of the upright frame. Errors are
problem details (RFC 9457).

Responses tolerate fields they do not know, so that an older client reads a newer server;
requests refuse them, so that a misspelt option is an answer and not a surprise.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPE_BASE: Final = "urn:problem-type:affectline:"

Affect = Annotated[float, Field(ge=-1, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Response(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PredictOptions(_Request):
    """The `options` part of `POST /predictions/affect`, as JSON."""

    sample_fps: float = Field(default=5.0, gt=0, le=30, description="Samples a second.")
    faces: Literal["primary", "all"] = Field(
        default="primary",
        description="`primary`: the largest face, followed until its track ends, then "
        "again the largest. `all`: every face.",
    )
    start_s: Seconds = Field(default=0.0, description="First sample at or after this time.")
    end_s: Seconds | None = Field(
        default=None, description="Samples before this time; null: to the clip's end."
    )
    stream: bool = Field(default=False, description="Answer as NDJSON while working.")

    @model_validator(mode="after")
    def _window_not_empty(self) -> PredictOptions:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(
                f"end_s ({self.end_s:g}) must be greater than start_s ({self.start_s:g})"
            )
        return self


class LiveOptions(_Request):
    """The `options` part of `POST /predictions/affect-live`, as JSON.

    The frames themselves are the parts `frame0`, `frame1`, ... (JPEG or PNG) or the one part
    `data` (a short clip). The header `ts_request_sequence_id` names the session,
    `ts_request_sequence_start: true` begins and `ts_request_sequence_end: true` ends it.
    """

    times_s: list[Seconds] | None = Field(
        default=None,
        max_length=256,
        description="Of `frame0`, `frame1`, ..., increasing, also from request to request.",
    )
    start_s: Seconds | None = Field(
        default=None, description="Of the short clip's first sample, after all samples before."
    )
    sample_fps: float | None = Field(
        default=None,
        gt=0,
        le=30,
        description="Samples a second of a short clip; null: as the model was trained. "
        "Every frame that is sent as a picture is a sample.",
    )
    faces: Literal["primary", "all"] | None = Field(
        default=None,
        description="Which faces the session follows; read from its first request, "
        "null: `primary`.",
    )

    @model_validator(mode="after")
    def _frames_or_clip(self) -> LiveOptions:
        if (self.times_s is None) == (self.start_s is None):
            raise ValueError("give times_s with frames, or start_s with a short clip")
        times = self.times_s
        if times is not None and any(b <= a for a, b in pairwise(times)):
            raise ValueError("times_s must increase")
        return self


class ModelInfo(_Response):
    """Which model answered, and what it learned from."""

    name: str
    version: str
    architecture: str
    weights: str = Field(description="`sha256:` and the digest of the weights file.")
    trained_on: str = Field(description="What the numbers rest on; read it before using them.")


class Clip(_Response):
    """The uploaded clip as the server found it."""

    duration_s: Seconds | None = Field(
        description="As its container states it, else as decoded; null where neither is known."
    )
    width: int = Field(ge=1, description="Pixels of the upright frame.")
    height: int = Field(ge=1, description="Pixels of the upright frame.")
    codec: str
    rotation: Literal[0, 90, 180, 270] = Field(
        description="Clockwise degrees that made the stored frame upright."
    )
    truncated: bool = Field(
        default=False, description="The clip broke off; what came before is answered."
    )


class Box(_Response):
    """A face's box in pixels of the upright frame, inside it."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Face(_Response):
    """One face in one sampled frame."""

    track: int = Field(ge=0, description="The person's id within this clip.")
    box: Box
    score: Fraction = Field(description="The detector's.")
    arousal: Affect
    valence: Affect
    confidence: Fraction | None = Field(
        default=None, description="The model's; null where the weights have none."
    )


class Frame(_Response):
    """One sampled frame; `faces` is empty where none was found."""

    index: int = Field(ge=0, description="k of the sample at k / sample_fps.")
    time_s: Seconds = Field(description="k / sample_fps.")
    faces: list[Face]


class Statistics(_Response):
    """Over a track's frames with a face; std is the population's (divisor n)."""

    mean: Affect
    std: float = Field(ge=0)
    min: Affect
    max: Affect


class Track(_Response):
    """One person from first to last sighting."""

    track: int = Field(ge=0)
    start_s: Seconds
    end_s: Seconds
    frames: int = Field(ge=1, description="Sampled frames with this face.")
    arousal: Statistics
    valence: Statistics


class Timing(_Response):
    """Where the server's time for this clip went.

    Stages of clips that share a batch overlap, so they need not add up to `total`.
    """

    decode: Seconds
    detect: Seconds = Field(description="Detection, tracking and cropping.")
    backbone: Seconds = Field(description="This clip's share of the batch's.")
    temporal: Seconds = Field(description="This clip's share of the batch's.")
    total: Seconds = Field(description="From the batch's start to this clip's answer.")


class Prediction(_Response):
    """The whole answer of `POST /predictions/affect`."""

    model: ModelInfo
    clip: Clip
    sample_fps: float
    frames: list[Frame]
    tracks: list[Track]
    timing_s: Timing


ProblemCode = Literal[
    "empty_body",
    "invalid_options",
    "undecodable_clip",
    "no_video_stream",
    "clip_too_long",
    "frame_too_large",
    "body_too_large",
    "unknown_session",
    "overloaded",
    "deadline_exceeded",
    "internal_error",
]

PROBLEMS: Final[dict[ProblemCode, tuple[int, str]]] = {
    "empty_body": (400, "The request carries no clip"),
    "invalid_options": (422, "The options are not valid"),
    "undecodable_clip": (422, "The clip cannot be decoded"),
    "no_video_stream": (422, "The upload has no video stream"),
    "clip_too_long": (413, "The clip is too long"),
    "frame_too_large": (413, "The clip's frames are too large"),
    "body_too_large": (413, "The upload is too large"),
    "unknown_session": (409, "No such live session"),
    "overloaded": (503, "The server is busy"),
    "deadline_exceeded": (504, "The clip took too long"),
    "internal_error": (500, "The server failed on this clip"),
}
"""Status and title of every problem, by code. `internal_error` answers a defect of ours
for one clip of a batch, where failing the batch would touch the others."""


class Problem(_Response):
    """Problem details (RFC 9457) with the contract's `code`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    code: ProblemCode
    detail: str = Field(description="What is wrong with this request and what to do.")

    @classmethod
    def of(cls, code: ProblemCode, detail: str, **extensions: Any) -> Problem:
        """The problem for `code`, with its status and title, and any extension members."""
        status, title = PROBLEMS[code]
        return cls(
            type=PROBLEM_TYPE_BASE + code.replace("_", "-"),
            title=title,
            status=status,
            code=code,
            detail=detail,
            **extensions,
        )


class StreamClip(_Response):
    """First line of an NDJSON answer."""

    type: Literal["clip"] = "clip"
    model: ModelInfo
    clip: Clip
    sample_fps: float


class StreamFrame(_Response):
    """A line for each sampled frame, as soon as its numbers are known; fields as in `Frame`."""

    type: Literal["frame"] = "frame"
    index: int = Field(ge=0)
    time_s: Seconds
    faces: list[Face]


class StreamSummary(_Response):
    """Last line: what only the clip's end can tell."""

    type: Literal["summary"] = "summary"
    clip: Clip
    tracks: list[Track]
    timing_s: Timing


class StreamError(_Response):
    """Last line of an answer that broke off; the lines before it stand."""

    type: Literal["error"] = "error"
    problem: Problem


class LiveAnswer(_Response):
    """The answer of `POST /predictions/affect-live`: this request's samples, no others."""

    model: ModelInfo
    session: str = Field(description="`ts_request_sequence_id` of the request.")
    frames: list[Frame] = Field(description="`index` counts the session's samples from 0.")
    clip: Clip | None = Field(default=None, description="A short clip, as in `Prediction`.")
    timing_s: Timing


class Detector(_Response):
    """The face detector in use."""

    name: str
    fallback_reason: str | None = Field(
        default=None, description="Why it is not the one the model was trained with."
    )


class ModelDescription(_Response):
    """The answer to `POST /predictions/affect` with the header `describe: True`."""

    model: ModelInfo
    device: str
    precision: str
    detector: Detector
    sample_fps: float = Field(description="The rate the model was trained at.")
    versions: dict[str, str]
