"""Real TorchServe, real HTTP, real video bytes."""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import clips
from affect_client import wire
from affect_core.checkpoint import load_checkpoint
from affect_core.engine_plan import read_plan
from affect_core.engines import DeviceChoice
from affect_core.events import ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_serving.server import LocalServer


def post(server: LocalServer, data: bytes, **options: Any) -> httpx.Response:
    return httpx.post(
        f"{server.inference_url}/predictions/affect",
        files={"data": ("clip", data, "application/octet-stream")},
        data={"options": json.dumps(options)} if options else None,
        timeout=120,
    )


def predict(server: LocalServer, data: bytes, **options: Any) -> wire.Prediction:
    answer = post(server, data, **options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return wire.Prediction.model_validate_json(answer.content)


def test_carphone_gives_twenty_samples_with_one_face_each(server: LocalServer) -> None:
    answer = predict(server, clips.carphone())
    assert [frame.time_s for frame in answer.frames] == pytest.approx([k / 5 for k in range(20)])
    assert [[face.track for face in frame.faces] for frame in answer.frames] == [[0]] * 20
    assert answer.clip.duration_s == pytest.approx(4.004)
    assert (answer.clip.width, answer.clip.height, answer.clip.codec) == (176, 144, "h264")
    assert answer.model.trained_on.startswith("Nothing: random weights.")
    (track,) = answer.tracks
    assert (track.frames, track.start_s, track.end_s) == (20, 0.0, 3.8)


def test_served_numbers_are_those_of_the_pipeline_in_process(
    server: LocalServer, model_store: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(model_store / "affect.mar") as archive:
        archive.extractall(tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    plan = read_plan(tmp_path, checkpoint.weights_sha256)
    pipeline = AffectPipeline(
        Runtime(checkpoint, DeviceChoice.for_serving(None, plan), plan),
        choose_detector("libfacedetection").detect,
        checkpoint.spec.preprocess,
        Limits(),
    )
    data = clips.portrait_pan()
    events = pipeline.events([ClipJob(data)])
    frames = [event.frame for event in events if isinstance(event, FrameDone)]
    pipeline.close()
    answer = predict(server, data)
    assert answer.model.weights == f"sha256:{checkpoint.weights_sha256}"
    assert len(answer.frames) == len(frames) == 10
    for served, expected in zip(answer.frames, frames, strict=True):
        for face, core in zip(served.faces, expected.faces, strict=True):
            assert face.arousal == pytest.approx(core.arousal, abs=1e-5)
            assert face.confidence == pytest.approx(core.confidence, abs=1e-4)
            assert face.valence == pytest.approx(core.valence, abs=1e-5)


def test_two_people_have_two_tracks_and_the_primary_is_the_larger(server: LocalServer) -> None:
    everyone = predict(server, clips.two_faces(), faces="all")
    assert [track.track for track in everyone.tracks] == [0, 1]
    assert all(len(frame.faces) == 2 for frame in everyone.frames)
    primary = predict(server, clips.two_faces())
    (track,) = primary.tracks
    largest = max(everyone.frames[0].faces, key=lambda f: f.box.width * f.box.height)
    assert track.track == largest.track
    assert track.arousal.mean == pytest.approx(everyone.tracks[track.track].arousal.mean, abs=1e-5)


def test_without_a_face_every_frame_is_there_and_empty(server: LocalServer) -> None:
    answer = predict(server, clips.no_face())
    assert [frame.faces for frame in answer.frames] == [[]] * 10
    assert answer.tracks == []


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_clip_is_answered_upright(server: LocalServer, rotation: int) -> None:
    # The stored frames are upright here, so the display matrix turns the face: what counts is
    # that the answer's coordinates are those of the displayed frame.
    turned = clips.remux(clips.carphone(), rotation=-rotation)
    answer = predict(server, turned, end_s=1.0)
    assert answer.clip.rotation == rotation
    portrait = rotation != 180
    assert (answer.clip.width, answer.clip.height) == ((144, 176) if portrait else (176, 144))


def test_a_clip_stored_sideways_gives_the_numbers_of_the_upright_one(
    server: LocalServer,
) -> None:
    upright = clips.lossless_portrait(0)
    sideways = clips.lossless_portrait(90)
    one, other = predict(server, upright), predict(server, sideways)
    assert other.clip.rotation == 90
    assert (one.clip.width, one.clip.height) == (other.clip.width, other.clip.height)
    for a, b in zip(one.frames, other.frames, strict=True):
        assert [f.box for f in a.faces] == [f.box for f in b.faces]
        assert len(a.faces) == 1
        assert a.faces[0].arousal == pytest.approx(b.faces[0].arousal, abs=1e-5)
        assert a.faces[0].valence == pytest.approx(b.faces[0].valence, abs=1e-5)


def test_variable_frame_rate_is_sampled_by_timestamps(server: LocalServer) -> None:
    # Ten frames at the clip's rate, then a pause of ten: 5.37 s instead of 3.97.
    uneven = clips.remux(clips.carphone(), time_of=lambda pts: pts + pts // 10010 * 4004)
    answer = predict(server, uneven)
    last_s = (119 * 1001 + 119 * 1001 // 10010 * 4004) / 30000
    assert len(answer.frames) == int(last_s * 5 + 1e-6) + 1 == 28


def test_a_raw_body_gets_the_default_options(server: LocalServer) -> None:
    data = clips.portrait_pan(1.0)
    raw = httpx.post(
        f"{server.inference_url}/predictions/affect",
        content=data,
        headers={"content-type": "video/mp4"},
        timeout=60,
    )
    prediction = wire.Prediction.model_validate_json(raw.content)
    assert len(prediction.frames) == 5
    assert prediction.frames == predict(server, data).frames


def test_a_stream_arrives_line_by_line_with_the_same_numbers(server: LocalServer) -> None:
    data = clips.portrait_pan()
    whole = predict(server, data)
    with httpx.stream(
        "POST",
        f"{server.inference_url}/predictions/affect",
        files={"data": ("clip", data)},
        data={"options": '{"stream": true}'},
        timeout=60,
    ) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert [line["type"] for line in lines] == ["clip", *["frame"] * 10, "summary"]
    for line, frame in zip(lines[1:-1], whole.frames, strict=True):
        for face, expected in zip(line["faces"], frame.faces, strict=True):
            assert face["arousal"] == pytest.approx(expected.arousal, abs=1e-5)


def test_clips_posted_together_are_answered_as_if_alone(server: LocalServer) -> None:
    good = {"pan": clips.portrait_pan(), "nobody": clips.no_face(), "two": clips.two_faces()}
    alone = {name: predict(server, data).frames for name, data in good.items()}
    bad = {"text": b"no clip at all", "audio": clips.audio_only()}
    together = {**good, **bad}
    with ThreadPoolExecutor(len(together)) as pool:
        answers = dict(
            zip(together, pool.map(lambda d: post(server, d), together.values()), strict=True)
        )
    for name in bad:
        assert answers[name].status_code == 422
    for name, expected in alone.items():
        got = wire.Prediction.model_validate_json(answers[name].content).frames
        for frame, other in zip(got, expected, strict=True):
            for face, same in zip(frame.faces, other.faces, strict=True):
                assert (face.track, face.box) == (same.track, same.box)
                assert face.arousal == pytest.approx(same.arousal, abs=1e-5)
                assert face.valence == pytest.approx(same.valence, abs=1e-5)
