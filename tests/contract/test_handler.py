"""The handler inside TorchServe's own context, without TorchServe."""

from __future__ import annotations

import importlib
import json
import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from ts.context import Context, RequestProcessor

import clips
from affect_client import wire
from affect_core.errors import SpecError
from affect_core.events import ClipJob, FrameDone
from affect_core.pipeline import AffectPipeline
from affect_core.types import Sampling
from worker import RecordingSocket, build_context, call


@pytest.fixture
def handler(context: Context) -> Any:
    made = importlib.import_module("affect_handler").AffectHandler()
    made.initialize(context)
    return made


def row(data: bytes, **options: Any) -> dict[str, bytearray]:
    parts = {"data": bytearray(data)}
    return {**parts, "options": bytearray(json.dumps(options).encode())} if options else parts


def test_served_numbers_are_the_pipelines(
    handler: Any, context: Context, pipeline: AffectPipeline
) -> None:
    data = clips.two_faces()
    (text,) = call(handler, context, [row(data, faces="all")])
    answer = wire.Prediction.model_validate_json(text)
    events = pipeline.events([ClipJob(data, Sampling(faces="all"))])
    frames = [e.frame for e in events if isinstance(e, FrameDone)]
    assert [f.index for f in answer.frames] == [f.index for f in frames]
    for got, expected in zip(answer.frames, frames, strict=True):
        assert [f.track for f in got.faces] == [f.face.track for f in expected.faces]
        for face, core in zip(got.faces, expected.faces, strict=True):
            assert face.arousal == pytest.approx(core.arousal, abs=2e-6)
            assert face.valence == pytest.approx(core.valence, abs=2e-6)
            assert face.box.x + face.box.width <= answer.clip.width
            assert face.box.y + face.box.height <= answer.clip.height


BAD_ROWS: dict[str, tuple[dict[str, Any], wire.ProblemCode]] = {
    "no part": ({}, "empty_body"),
    "empty body": ({"body": bytearray()}, "empty_body"),
    "wrong part name": ({"file": bytearray(b"x")}, "empty_body"),
    "text": (row(b"hello, this is no clip\n" * 50), "undecodable_clip"),
    "text by type": ({"data": "hello"}, "undecodable_clip"),
    "JSON by type": ({"body": {"clip": 1}}, "undecodable_clip"),
    "random bytes": (row(bytes(range(256)) * 40), "undecodable_clip"),
    "audio only": (row(clips.audio_only()), "no_video_stream"),
    "truncated without index": (row(clips.truncated(clips.carphone())), "undecodable_clip"),
    "zero frames": (row(clips.zero_frames()), "undecodable_clip"),
    "1x1 pixels": (row(clips.one_pixel()), "undecodable_clip"),
    "20,000 pixels wide": (row(clips.huge_frame()), "frame_too_large"),
    "two hours": (row(clips.two_hours()), "clip_too_long"),
    "two-hour header": (row(clips.two_hour_header()), "clip_too_long"),
    "unknown option": (row(clips.carphone(), fps=3), "invalid_options"),
    "wrong type": (row(clips.carphone(), sample_fps="5"), "invalid_options"),
    "out of range": (row(clips.carphone(), sample_fps=31), "invalid_options"),
    "empty window": (row(clips.carphone(), start_s=2, end_s=1), "invalid_options"),
    "window after the end": (row(clips.carphone(), start_s=60), "invalid_options"),
    "options not JSON": (
        {"data": bytearray(clips.carphone()), "options": bytearray(b"{")},
        "invalid_options",
    ),
    "unknown part": ({**row(clips.carphone()), "sample_fps": bytearray(b"2")}, "invalid_options"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_clip_gets_its_problem_and_the_good_one_beside_it_its_answer(
    name: str, handler: Any, context: Context
) -> None:
    bad, code = BAD_ROWS[name]
    good = row(clips.portrait_pan(), end_s=0.5)
    answers = call(handler, context, [bad, good])
    problem = wire.Problem.model_validate_json(answers[0])
    assert problem.code == code
    assert (problem.status, problem.title) == wire.PROBLEMS[code]
    assert context.get_response_status(0)[0] == problem.status
    assert context.get_response_content_type(0) == wire.PROBLEM_MEDIA_TYPE
    assert len(problem.detail.split()) > 5
    assert "hello" not in answers[0]
    assert context.get_response_status(1)[0] == 200
    assert len(wire.Prediction.model_validate_json(answers[1]).frames) == 3


def test_a_clip_that_breaks_off_is_answered_up_to_the_break(handler: Any, context: Context) -> None:
    whole = clips.remux(clips.carphone(), movflags="faststart")
    texts = call(handler, context, [row(clips.truncated(whole)), row(whole)])
    part, full = (wire.Prediction.model_validate_json(text) for text in texts)
    assert part.clip.truncated
    assert not full.clip.truncated
    assert 0 < len(part.frames) < len(full.frames) == 20
    for one, other in zip(part.frames[:-1], full.frames, strict=False):
        assert one.faces[0].arousal == pytest.approx(other.faces[0].arousal, abs=1e-5)


def test_a_stream_carries_the_same_as_the_whole_answer(handler: Any, context: Context) -> None:
    data = clips.portrait_pan()
    (whole_text, last) = call(handler, context, [row(data), row(data, stream=True)])
    whole = wire.Prediction.model_validate_json(whole_text)
    socket: RecordingSocket = context.cl_socket
    lines = [json.loads(payload(message)) for message in socket.sent]
    assert lines[0]["type"] == "clip"
    frames = [wire.StreamFrame.model_validate(line) for line in lines[1:]]
    assert [f.index for f in frames] == [f.index for f in whole.frames]
    for one, other in zip(frames, whole.frames, strict=True):
        for a, b in zip(one.faces, other.faces, strict=True):
            assert a.arousal == pytest.approx(b.arousal, abs=1e-5)
    summary = wire.StreamSummary.model_validate_json(last)
    assert [t.frames for t in summary.tracks] == [t.frames for t in whole.tracks]


def payload(message: bytes) -> str:
    """The last field of a TorchServe response: int32 length, bytes, then -1."""
    assert struct.unpack("!i", message[-4:])[0] == -1
    start = message.index(b'{"type"')
    assert struct.unpack("!i", message[start - 4 : start])[0] == len(message) - 4 - start
    return message[start:-4].decode()


def test_a_model_answers_what_it_is(handler: Any, context: Context) -> None:
    (text,) = call(handler, context, [{}], describe="True")
    described = wire.ModelDescription.model_validate_json(text)
    assert described.detector.name == "libfacedetection"
    assert described.device == "cpu"
    assert described.precision == "float32"
    assert "random weights" in described.model.trained_on


def test_asking_for_a_description_changes_no_other_answer(handler: Any, context: Context) -> None:
    rows = [{}, row(clips.portrait_pan(), end_s=0.5)]
    context.request_processor = [RequestProcessor({"describe": "True"}), RequestProcessor({})]
    context.request_ids = {0: "a", 1: "b"}
    described, answered = handler.handle(rows, context)
    assert wire.ModelDescription.model_validate_json(described).device == "cpu"
    assert len(wire.Prediction.model_validate_json(answered).frames) == 3


def test_a_missing_package_is_a_runtime_error_that_names_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TorchServe would take an ImportError for a missing handler and hide it.
    monkeypatch.setitem(sys.modules, "affect_serving.service", None)
    handler = importlib.import_module("affect_handler").AffectHandler()
    with pytest.raises(RuntimeError, match=r"affect_serving\.service.*affectline\[serve\]"):
        handler.initialize(context)


def test_damaged_weights_are_refused_at_load(
    unpacked: Path, small_store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(unpacked, copy)
    weights = bytearray((copy / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(weights)
    handler = importlib.import_module("affect_handler").AffectHandler()
    with pytest.raises(SpecError, match="damaged"):
        handler.initialize(build_context(copy, small_store))


def test_a_spec_from_the_future_is_refused_at_load(
    unpacked: Path, small_store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "future"
    shutil.copytree(unpacked, copy)
    spec = json.loads((copy / "spec.json").read_text())
    spec["model"]["preprocess"]["landmarks"] = 68
    (copy / "spec.json").write_text(json.dumps(spec))
    handler = importlib.import_module("affect_handler").AffectHandler()
    with pytest.raises(SpecError, match="landmarks"):
        handler.initialize(build_context(copy, small_store))
