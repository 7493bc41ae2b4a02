"""The handler inside TorchServe's own context, without TorchServe."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from ts.context import Context

import clips
from affect_client import wire
from affect_core.contents import write_contents
from affect_core.errors import SpecError
from affect_core.events import ClipJob, FrameDone
from affect_core.pipeline import AffectPipeline
from affect_core.types import Sampling
from worker import ContinuousFrontEnd, build_context, initialised, post_together


@pytest.fixture
def handler(context: Context) -> Any:
    return initialised(context)


def row(data: bytes, **options: Any) -> dict[str, bytearray]:
    parts = {"data": bytearray(data)}
    return {**parts, "options": bytearray(json.dumps(options).encode())} if options else parts


def test_served_numbers_are_the_pipelines(
    handler: Any, context: Context, pipeline: AffectPipeline
) -> None:
    data = clips.two_faces()
    (response,) = post_together(handler, context, [row(data, faces="all")])
    assert (response.status, response.media_type) == (200, "application/json")
    answer = wire.Prediction.model_validate_json(response.text)
    events = pipeline.events([ClipJob(data, Sampling(faces="all"))])
    frames = [e.frame for e in events if isinstance(e, FrameDone)]
    assert [f.index for f in answer.frames] == [f.index for f in frames]
    for got, expected in zip(answer.frames, frames, strict=True):
        assert [f.track for f in got.faces] == [f.face.track for f in expected.faces]
        for face, core in zip(got.faces, expected.faces, strict=True):
            assert face.arousal == pytest.approx(core.arousal, abs=2e-6)
            assert face.confidence == pytest.approx(core.confidence, abs=1e-4)
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
    refused, answered = post_together(handler, context, [bad, good])
    problem = wire.Problem.model_validate_json(refused.text)
    assert problem.code == code
    assert (problem.status, problem.title) == wire.PROBLEMS[code]
    assert (refused.status, refused.media_type) == (problem.status, wire.PROBLEM_MEDIA_TYPE)
    assert len(problem.detail.split()) > 5
    assert "hello" not in refused.text
    assert answered.status == 200
    assert len(wire.Prediction.model_validate_json(answered.text).frames) == 3


def test_a_clip_that_breaks_off_is_answered_up_to_the_break(handler: Any, context: Context) -> None:
    whole = clips.remux(clips.carphone(), movflags="faststart")
    answers = post_together(handler, context, [row(clips.truncated(whole)), row(whole)])
    part, full = (wire.Prediction.model_validate_json(answer.text) for answer in answers)
    assert part.clip.truncated
    assert not full.clip.truncated
    assert 0 < len(part.frames) < len(full.frames) == 20
    for one, other in zip(part.frames[:-1], full.frames, strict=False):
        assert one.faces[0].arousal == pytest.approx(other.faces[0].arousal, abs=1e-5)


def test_a_stream_carries_the_same_as_the_whole_answer(handler: Any, context: Context) -> None:
    data = clips.portrait_pan()
    plain, streamed = post_together(handler, context, [row(data), row(data, stream=True)])
    whole = wire.Prediction.model_validate_json(plain.text)
    assert streamed.media_type == "application/x-ndjson"
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert lines[0]["type"] == "clip"
    frames = [wire.StreamFrame.model_validate(line) for line in lines[1:-1]]
    assert [f.index for f in frames] == [f.index for f in whole.frames]
    for one, other in zip(frames, whole.frames, strict=True):
        for a, b in zip(one.faces, other.faces, strict=True):
            assert a.arousal == pytest.approx(b.arousal, abs=1e-5)
    summary = wire.StreamSummary.model_validate(lines[-1])
    assert [t.frames for t in summary.tracks] == [t.frames for t in whole.tracks]


def long_clip() -> bytes:
    return clips.face_comes_and_goes((True,) * 150)


def test_a_stream_begins_at_once_whatever_else_is_in_hand(handler: Any, context: Context) -> None:
    front_end = ContinuousFrontEnd(handler, context)
    others = [front_end.post(row(long_clip())) for _ in range(3)]
    front_end.step()
    stream = front_end.post(row(long_clip(), stream=True))
    front_end.run(until=lambda: '"type":"frame"' in stream.text)
    # All four take turns, so none of them is near its end.
    assert stream.text.count('"type":"frame"') < 50
    assert not any(other.complete for other in others)
    handler._service._work.close()


def test_a_clip_joins_while_another_is_worked_on(handler: Any, context: Context) -> None:
    front_end = ContinuousFrontEnd(handler, context)
    long = front_end.post(row(long_clip(), stream=True))
    front_end.run(until=lambda: bool(long.pieces))
    short = front_end.post(row(clips.portrait_pan(), end_s=0.5))
    front_end.run(until=lambda: short.complete)
    assert not long.complete
    assert len(wire.Prediction.model_validate_json(short.text).frames) == 3
    handler._service._work.close()


def test_a_client_that_goes_away_costs_no_more_than_the_chunk_in_hand(
    handler: Any, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = handler._service._model.runtime
    crops: list[int] = []
    projected = runtime.projected

    def counting(batch: Any) -> Any:
        crops.append(len(batch))
        return projected(batch)

    monkeypatch.setattr(runtime, "projected", counting)
    front_end = ContinuousFrontEnd(handler, context)
    stream = front_end.post(row(long_clip(), stream=True))
    front_end.run(until=lambda: '"type":"frame"' in stream.text)
    before = sum(crops)
    stream.client_gone = True
    front_end.run()
    assert not stream.complete
    # The next call of the handler may work on one more chunk; TorchServe then leaves it out.
    assert sum(crops) - before <= runtime.chunk_size
    (after,) = post_together(handler, context, [row(clips.portrait_pan(), end_s=0.5)])
    assert after.status == 200
    assert sum(crops) - before <= runtime.chunk_size + 3
    assert handler._service._work.jobs == 0


def test_bad_requests_without_end_do_not_hold_up_a_good_one(handler: Any, context: Context) -> None:
    front_end = ContinuousFrontEnd(handler, context)
    good = front_end.post(row(clips.carphone()))
    refused = [front_end.post(row(b""))]
    while not good.complete:
        if refused[-1].complete:
            refused.append(front_end.post(row(b"")))
        front_end.step()
        assert front_end.calls < 200
    assert len(wire.Prediction.model_validate_json(good.text).frames) == 20
    assert len(refused) > 1


def test_a_body_is_not_handed_over_again_without_need(
    handler: Any, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affect_serving.service._RETURN_S", 60.0)
    (alone,) = post_together(handler, context, [row(clips.carphone())])
    assert alone.handed_over == 1
    (stream,) = post_together(handler, context, [row(clips.carphone(), stream=True)])
    # Once more at most: a call may end before the clip is opened.
    assert stream.handed_over <= 2


def test_whoever_comes_while_nothing_is_known_yet_does_not_wait_long(
    handler: Any, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affect_serving.service._RETURN_S", 0.0)
    front_end = ContinuousFrontEnd(handler, context)
    whole = front_end.post(row(clips.carphone()))
    front_end.run()
    assert whole.handed_over == front_end.calls - 1 > 2
    assert len(wire.Prediction.model_validate_json(whole.text).frames) == 20


def test_a_model_answers_what_it_is(handler: Any, context: Context) -> None:
    (response,) = post_together(handler, context, [{}], [{"describe": "True"}])
    described = wire.ModelDescription.model_validate_json(response.text)
    assert described.detector.name == "libfacedetection"
    assert described.device == "cpu"
    assert described.precision == "float32"
    assert "random weights" in described.model.trained_on


def test_asking_for_a_description_changes_no_other_answer(handler: Any, context: Context) -> None:
    rows = [{}, row(clips.portrait_pan(), end_s=0.5)]
    described, answered = post_together(handler, context, rows, [{"describe": "True"}, {}])
    assert wire.ModelDescription.model_validate_json(described.text).device == "cpu"
    assert len(wire.Prediction.model_validate_json(answered.text).frames) == 3


def test_being_asked_for_ever_ends_torchserve(
    handler: Any, context: Context, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))
    for _ in range(3):
        post_together(handler, context, [{}], [{"describe": "True"}])
    assert killed == []
    front_end = ContinuousFrontEnd(handler, context)
    front_end.post({}, {"describe": "True"}, "always the same")
    front_end.run()
    front_end.post({}, {"describe": "True"}, "always the same")
    front_end.run()
    assert killed == [(os.getppid(), signal.SIGTERM)]
    assert "customized=true" in caplog.text


def test_a_missing_package_is_a_runtime_error_that_names_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TorchServe would take an ImportError for a missing handler and hide it.
    monkeypatch.setitem(sys.modules, "affect_serving.service", None)
    with pytest.raises(RuntimeError, match=r"affect_serving\.service.*affectline\[serve\]"):
        initialised(context)


def test_damaged_weights_are_refused_at_load(
    unpacked: Path, small_store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(unpacked, copy)
    weights = bytearray((copy / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(weights)
    with pytest.raises(SpecError, match="damaged"):
        initialised(build_context(copy, small_store))


def test_a_spec_from_the_future_is_refused_at_load(
    unpacked: Path, small_store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "future"
    shutil.copytree(unpacked, copy)
    spec = json.loads((copy / "spec.json").read_text())
    spec["model"]["preprocess"]["landmarks"] = 68
    (copy / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(SpecError, match=r"spec\.json in .* was changed after the export"):
        initialised(build_context(copy, small_store))
    write_contents(copy)
    with pytest.raises(SpecError, match="landmarks"):
        initialised(build_context(copy, small_store))
