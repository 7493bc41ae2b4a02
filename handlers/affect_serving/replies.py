"""One clip's answer, growing as the pipeline's events come in: whole, or line by line."""

from __future__ import annotations

from typing import Final, Protocol

from affect_client import wire
from affect_core.types import ClipInfo, FrameAffect, StageSeconds
from affect_serving.responses import summarise_tracks, to_clip, to_frame, to_timing

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


class Reply(Protocol):
    """What the service needs of an answer. Text returned before the end is sent at once."""

    media_type: str

    def opened(self, clip: ClipInfo) -> str | None:
        """The clip was opened."""

    def frame(self, frame: FrameAffect) -> str | None:
        """A frame is known."""

    def done(self, clip: ClipInfo, seconds: StageSeconds) -> tuple[str, wire.Prediction]:
        """The last text, and the whole answer for the metrics."""

    def failed(self, problem: wire.Problem) -> str | None:
        """The last text, or None where the problem itself is still the answer."""


class WholeReply:
    """One JSON object at the end."""

    media_type = JSON

    def __init__(self, model: wire.ModelInfo, options: wire.PredictOptions) -> None:
        self._model = model
        self._options = options
        self._frames: list[wire.Frame] = []

    def opened(self, clip: ClipInfo) -> str | None:
        """Nothing is sent yet."""
        return None

    def frame(self, frame: FrameAffect) -> str | None:
        """Nothing is sent yet."""
        self._frames.append(to_frame(frame))
        return None

    def done(self, clip: ClipInfo, seconds: StageSeconds) -> tuple[str, wire.Prediction]:
        """The whole answer, as JSON and as a value."""
        prediction = _prediction(self._model, self._options, clip, self._frames, seconds)
        return prediction.model_dump_json(), prediction

    def failed(self, problem: wire.Problem) -> str | None:
        """The problem is the answer, with its own status."""
        return None


class StreamReply:
    """NDJSON: a clip line, frame lines, and a summary or error line."""

    media_type = NDJSON

    def __init__(self, model: wire.ModelInfo, options: wire.PredictOptions) -> None:
        self._model = model
        self._options = options
        self._frames: list[wire.Frame] = []
        self._begun = False

    def opened(self, clip: ClipInfo) -> str | None:
        """The clip line."""
        self._begun = True
        return _line(
            wire.StreamClip(
                model=self._model, clip=to_clip(clip), sample_fps=self._options.sample_fps
            )
        )

    def frame(self, frame: FrameAffect) -> str | None:
        """A frame line."""
        known = to_frame(frame)
        self._frames.append(known)
        return _line(wire.StreamFrame(index=known.index, time_s=known.time_s, faces=known.faces))

    def done(self, clip: ClipInfo, seconds: StageSeconds) -> tuple[str, wire.Prediction]:
        """The summary line, and the same whole answer as `WholeReply`."""
        prediction = _prediction(self._model, self._options, clip, self._frames, seconds)
        summary = wire.StreamSummary(
            clip=prediction.clip, tracks=prediction.tracks, timing_s=prediction.timing_s
        )
        return _line(summary), prediction

    def failed(self, problem: wire.Problem) -> str | None:
        """An error line once lines were sent; before that the problem is the answer."""
        return _line(wire.StreamError(problem=problem)) if self._begun else None


def reply_to(model: wire.ModelInfo, options: wire.PredictOptions) -> Reply:
    """The kind of answer that the options ask for."""
    return (StreamReply if options.stream else WholeReply)(model, options)


def _prediction(
    model: wire.ModelInfo,
    options: wire.PredictOptions,
    clip: ClipInfo,
    frames: list[wire.Frame],
    seconds: StageSeconds,
) -> wire.Prediction:
    return wire.Prediction(
        model=model,
        clip=to_clip(clip),
        sample_fps=options.sample_fps,
        frames=frames,
        tracks=summarise_tracks(frames),
        timing_s=to_timing(seconds),
    )


def _line(value: wire.StreamClip | wire.StreamFrame | wire.StreamSummary | wire.StreamError) -> str:
    return value.model_dump_json() + "\n"
