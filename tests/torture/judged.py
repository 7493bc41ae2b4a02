"""Whether an answer is one that the contract knows, whatever was asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

import httpx
from pydantic import TypeAdapter, ValidationError

from affect_client import wire

NDJSON: Final = "application/x-ndjson"

_LINE: Final[TypeAdapter[wire.StreamFrame | wire.StreamSummary | wire.StreamError]] = TypeAdapter(
    wire.StreamFrame | wire.StreamSummary | wire.StreamError
)


class Judged(NamedTuple):
    """An outcome in a word, and what is wrong with the answer, if anything."""

    outcome: str
    fault: str = ""


def judge(answer: httpx.Response) -> Judged:
    """A whole prediction, a stream or a problem; faults are what the contract does not allow."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    try:
        if answer.status_code == httpx.codes.OK:
            return _stream(answer.text) if kind == NDJSON else _prediction(answer.content)
        return _problem(answer, kind)
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        return Judged(f"status {answer.status_code}", f"not the contract's: {type(error).__name__}")


def _problem(answer: httpx.Response, kind: str) -> Judged:
    problem = wire.Problem.model_validate_json(answer.content)
    if kind != wire.PROBLEM_MEDIA_TYPE:
        return Judged(problem.code, f"a problem as {kind}")
    if answer.status_code != problem.status or wire.PROBLEMS[problem.code][0] != problem.status:
        return Judged(problem.code, f"status {answer.status_code} for {problem.code}")
    if problem.code == "internal_error":
        return Judged(problem.code, "a defect of the service")
    if problem.status == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in answer.headers:
        return Judged(problem.code, "no Retry-After")
    return Judged(problem.code)


def _prediction(content: bytes) -> Judged:
    prediction = wire.Prediction.model_validate_json(content)
    fault = _frames_fault(prediction.frames, prediction.clip, prediction.sample_fps)
    return Judged("truncated" if prediction.clip.truncated else "answered", fault)


def _stream(text: str) -> Judged:
    if not text.endswith("\n"):
        return Judged("stream", "a line that breaks off")
    first, *rest = text.splitlines()
    clip = wire.StreamClip.model_validate_json(first)
    lines = [_LINE.validate_json(line) for line in rest]
    *frames, last = lines
    known = [line for line in frames if isinstance(line, wire.StreamFrame)]
    if len(known) != len(frames):
        return Judged("stream", "lines after the last")
    fault = _frames_fault(known, clip.clip, clip.sample_fps)
    if isinstance(last, wire.StreamError):
        return Judged(f"stream, then {last.problem.code}", fault)
    if isinstance(last, wire.StreamFrame):
        return Judged("stream", "no last line")
    return Judged("stream, truncated" if last.clip.truncated else "stream", fault)


def _frames_fault(
    frames: Sequence[wire.Frame | wire.StreamFrame], clip: wire.Clip, fps: float
) -> str:
    first = frames[0].index if frames else 0  # of a window, not the clip's
    if [frame.index for frame in frames] != list(range(first, first + len(frames))):
        return "samples that do not follow each other"
    if any(abs(frame.time_s - frame.index / fps) > 1e-5 for frame in frames):
        return "a sample at another time"
    boxes = [face.box for frame in frames for face in frame.faces]
    if any(b.x + b.width > clip.width or b.y + b.height > clip.height for b in boxes):
        return "a box outside its frame"
    return ""
