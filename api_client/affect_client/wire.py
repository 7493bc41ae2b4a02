"""The REST contract: every request, response and error that crosses HTTP.

Arousal and valence lie in [-1, 1] (Russell 1980, doi:10.1037/h0077714). Times are
seconds from the clip's first frame. Boxes are pixels of the upright frame. Errors are
problem details (RFC 9457).

Responses tolerate fields they do not know, so that an older client reads a newer server;
requests refuse them, so that a misspelt option is an answer and not a surprise.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPE_BASE: Final = "urn:problem-type:affectline:"

Affect = Annotated[float, Field(ge=-1, le=1)]
Arousal = Annotated[Affect, Field(description="Calm (-1) to excited (1).")]
Valence = Annotated[Affect, Field(description="Unpleasant (-1) to pleasant (1).")]
Seconds = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


# Models are built when first used (defer_build), which importing the package would wait for.
class _Request(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True
    )


class _Response(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


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

    name: str = Field(description="Of the model in the server's paths.")
    version: str = Field(description="The archive's.")
    architecture: str = Field(description="Backbone and temporal model, as `vgg19-convlstm`.")
    weights: str = Field(description="`sha256:` and the digest of the weights file.")
    trained_on: str = Field(description="What the numbers rest on; read it before using them.")


class Clip(_Response):
    """The uploaded clip as the server found it."""

    duration_s: Seconds | None = Field(
        description="As its container states it, else as decoded; null where neither is known."
    )
    width: int = Field(ge=1, description="Pixels of the upright frame.")
    height: int = Field(ge=1, description="Pixels of the upright frame.")
    codec: str = Field(description="Of the video stream, as FFmpeg names it.")
    rotation: Literal[0, 90, 180, 270] = Field(
        description="Clockwise degrees that made the stored frame upright."
    )
    truncated: bool = Field(
        default=False, description="The clip broke off; what came before is answered."
    )


class Box(_Response):
    """A face's box in pixels of the upright frame, inside it."""

    x: int = Field(ge=0, description="Left edge, pixels.")
    y: int = Field(ge=0, description="Upper edge, pixels.")
    width: int = Field(ge=1, description="Pixels.")
    height: int = Field(ge=1, description="Pixels.")


class Face(_Response):
    """One face in one sampled frame."""

    track: int = Field(ge=0, description="The person's id within this clip.")
    box: Box = Field(description="Where the face is.")
    score: Fraction = Field(description="The detector's confidence that this is a face.")
    arousal: Arousal
    valence: Valence
    confidence: Fraction | None = Field(
        default=None,
        description="How often arousal and valence both come out right of frames that look like "
        "this one, as measured on held-out clips; null where the weights do not say.",
    )


class Frame(_Response):
    """One sampled frame; `faces` is empty where none was found."""

    index: int = Field(ge=0, description="k of the sample at k / sample_fps.")
    time_s: Seconds = Field(description="k / sample_fps, seconds from the clip's first frame.")
    faces: list[Face] = Field(description="Empty where none was found.")


class Statistics(_Response):
    """Of arousal or of valence, over a track's frames with a face."""

    mean: Affect = Field(description="Arithmetic.")
    std: float = Field(ge=0, description="The population's: divisor n.")
    min: Affect = Field(description="Least.")
    max: Affect = Field(description="Greatest.")


class Track(_Response):
    """One person from first to last sighting."""

    track: int = Field(ge=0, description="The person's id within this clip.")
    start_s: Seconds = Field(description="First sample with this face, seconds.")
    end_s: Seconds = Field(description="Last sample with this face, seconds.")
    frames: int = Field(ge=1, description="Sampled frames with this face.")
    arousal: Statistics = Field(description="Of its arousal.")
    valence: Statistics = Field(description="Of its valence.")


class Timing(_Response):
    """Where the server's time for this clip went, in seconds.

    Stages of clips that share a batch overlap, so they need not add up to `total`.
    """

    decode: Seconds = Field(description="Reading the clip's frames.")
    detect: Seconds = Field(description="Detection, tracking and cropping.")
    backbone: Seconds = Field(description="This clip's share of the batch's.")
    temporal: Seconds = Field(description="This clip's share of the batch's.")
    total: Seconds = Field(description="From the batch's start to this clip's answer.")


class Prediction(_Response):
    """The whole answer of `POST /predictions/affect`."""

    model: ModelInfo = Field(description="Which model answered.")
    clip: Clip = Field(description="The clip as the server found it.")
    sample_fps: float = Field(description="Samples a second.")
    frames: list[Frame] = Field(description="Every sample, those without a face too, in order.")
    tracks: list[Track] = Field(description="Everyone who was seen, by id.")
    timing_s: Timing = Field(description="Where the server's time went, seconds.")


GatewayCode = Literal[
    "bad_request",
    "unauthorized",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "misdirected_request",
    "too_many_requests",
    "bad_gateway",
    "gateway_timeout",
]
"""Codes of what stands before the model. A gateway answers with all of them, and with
`body_too_large` and `overloaded`; `affect-serve run` with `bad_request`, `not_found` and
`method_not_allowed` for what TorchServe refuses."""

GATEWAY_CODES: Final[frozenset[GatewayCode]] = frozenset(get_args(GatewayCode))

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
    GatewayCode,
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
    "bad_request": (400, "The request cannot be understood"),
    "unauthorized": (401, "No key that is known here"),
    "forbidden": (403, "The key is blocked"),
    "not_found": (404, "Nothing is served at this path"),
    "method_not_allowed": (405, "Not a method of this path"),
    "misdirected_request": (421, "Not a host name of this gateway"),
    "too_many_requests": (429, "More requests than the key may make"),
    "bad_gateway": (502, "No replica of the service answers"),
    "gateway_timeout": (504, "The service did not answer in time"),
}
"""Status and title of every problem, by code. `internal_error` answers a defect of ours
for one clip of a batch, where failing the batch would touch the others."""


class Problem(_Response):
    """Problem details (RFC 9457) with the contract's `code`."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    type: str = Field(description="A URN of the problem's kind.")
    title: str = Field(description="The kind in a few words, for people.")
    status: int = Field(ge=400, le=599, description="Of HTTP.")
    code: ProblemCode = Field(description="The kind, for programs.")
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

    type: Literal["clip"] = Field(default="clip", description="Of the line.")
    model: ModelInfo = Field(description="Which model answers.")
    clip: Clip = Field(description="The clip as its header states it.")
    sample_fps: float = Field(description="Samples a second.")


class StreamFrame(_Response):
    """A line for each sampled frame, as soon as its numbers are known; fields as in `Frame`."""

    type: Literal["frame"] = Field(default="frame", description="Of the line.")
    index: int = Field(ge=0, description="k of the sample at k / sample_fps.")
    time_s: Seconds = Field(description="k / sample_fps, seconds from the clip's first frame.")
    faces: list[Face] = Field(description="Empty where none was found.")


class StreamSummary(_Response):
    """Last line: what only the clip's end can tell."""

    type: Literal["summary"] = Field(default="summary", description="Of the line.")
    clip: Clip = Field(description="The clip as it was decoded, `truncated` where it broke off.")
    tracks: list[Track] = Field(description="Everyone who was seen, by id.")
    timing_s: Timing = Field(description="Where the server's time went, seconds.")


class StreamError(_Response):
    """Last line of an answer that broke off; the lines before it stand."""

    type: Literal["error"] = Field(default="error", description="Of the line.")
    problem: Problem = Field(description="Why it broke off.")


class LiveAnswer(_Response):
    """The answer of `POST /predictions/affect-live`: this request's samples, no others."""

    model: ModelInfo = Field(description="Which model answered.")
    session: str = Field(description="`ts_request_sequence_id` of the request.")
    frames: list[Frame] = Field(description="`index` counts the session's samples from 0.")
    clip: Clip | None = Field(default=None, description="A short clip, as in `Prediction`.")
    timing_s: Timing = Field(description="Where the server's time went, seconds.")


class Detector(_Response):
    """The face detector in use."""

    name: str = Field(description="`libfacedetection`, `haar` or `yunet`.")
    fallback_reason: str | None = Field(
        default=None, description="Why it is not the one the model was trained with."
    )


class ModelDescription(_Response):
    """The answer to `POST /predictions/affect` with the header `describe: True`."""

    model: ModelInfo = Field(description="Which model is loaded.")
    device: str = Field(description="As PyTorch names it: `cpu`, `cuda:0`.")
    precision: str = Field(description="Of the backbone's numbers, as `float32`.")
    detector: Detector = Field(description="The face detector in use.")
    sample_fps: float = Field(description="Samples a second that the model was trained at.")
    versions: dict[str, str] = Field(description="Of the server's packages, by name.")


class FrontEndError(_Response):
    """What TorchServe's front end answers by itself, before a request has reached the model."""

    code: int = Field(ge=400, le=599, description="Of HTTP.")
    type: str = Field(description="The Java class of the error.")
    message: str = Field(description="In TorchServe's words.")


class Ping(_Response):
    """The answer to `GET /ping`."""

    status: str = Field(description="`Healthy` where requests would be taken.")
