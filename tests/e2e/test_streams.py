"""Streams of a real TorchServe: lines leave early, and a client that is gone costs no more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

import clips
from affect_client import wire
from affect_serving.server import LocalServer

LONG_S = 60


def post(server: LocalServer, data: bytes, **options: object) -> httpx.Response:
    return httpx.post(
        f"{server.inference_url}/predictions/affect",
        files={"data": ("clip", data)},
        data={"options": json.dumps(options)},
        timeout=httpx.Timeout(10, read=240),
    )


@contextmanager
def stream(server: LocalServer, data: bytes) -> Iterator[Iterator[wire.StreamFrame]]:
    """The frames of a stream, as they come."""
    with httpx.stream(
        "POST",
        f"{server.inference_url}/predictions/affect",
        files={"data": ("clip", data)},
        data={"options": '{"stream": true}'},
        timeout=httpx.Timeout(10, read=240),
    ) as answer:
        assert answer.status_code == 200
        yield (
            wire.StreamFrame.model_validate_json(line)
            for line in answer.iter_lines()
            if json.loads(line)["type"] == "frame"
        )


def outcomes(server: LocalServer) -> dict[str, float]:
    text = httpx.get(server.metrics_url, timeout=10).text
    return {
        sample.labels["code"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "affect_clips_total"
    }


def long_clip() -> bytes:
    return clips.face_comes_and_goes((True,) * (5 * LONG_S))


def test_a_client_that_goes_away_frees_the_worker(server: LocalServer) -> None:
    post(server, clips.no_face(), end_s=0.3)
    (worker,) = server.worker_pids()
    before = outcomes(server)
    with stream(server, long_clip()) as frames:
        assert next(frames).index == 0
    left = time.monotonic()
    answer = post(server, clips.portrait_pan(), end_s=0.1)
    assert len(wire.Prediction.model_validate_json(answer.content).frames) == 1
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        grown = {code: count - before.get(code, 0) for code, count in outcomes(server).items()}
        if grown.get("client_gone"):
            break
        time.sleep(0.2)
    assert grown == {**dict.fromkeys(before, 0), "client_gone": 1, "ok": 1}
    # 300 crops of 224 pixels take a minute at the very least.
    assert time.monotonic() - left < 40
    used = sum(psutil.Process(worker).cpu_times()[:2])
    time.sleep(2)
    assert sum(psutil.Process(worker).cpu_times()[:2]) - used < 0.5


def test_the_first_frame_leaves_long_before_the_last(server: LocalServer) -> None:
    started = time.monotonic()
    with stream(server, clips.face_comes_and_goes((True,) * 50)) as frames:
        times = [(frame.index, time.monotonic() - started) for frame in frames]
    assert [index for index, _ in times] == list(range(50))
    assert times[0][1] < times[-1][1] / 2


def test_a_stream_begins_beside_clips_that_are_being_worked_on(server: LocalServer) -> None:
    with ThreadPoolExecutor(2) as pool:
        others = [
            pool.submit(post, server, clips.face_comes_and_goes((True,) * 60)) for _ in range(2)
        ]
        time.sleep(1)
        with stream(server, clips.face_comes_and_goes((True,) * 40)) as frames:
            next(frames)
            assert not any(other.done() for other in others)
            assert len(list(frames)) == 39
        for other in others:
            frames_of = wire.Prediction.model_validate_json(other.result().content).frames
            assert len(frames_of) == 60


def test_whole_answers_share_a_connection(server: LocalServer) -> None:
    # They are sent in pieces; the end of one must not reach into the next.
    url = f"{server.inference_url}/predictions/affect"
    with httpx.Client(timeout=60) as client:
        for _ in range(3):
            for data, status in ((clips.no_face(), 200), (b"no clip", 422)):
                answer = client.post(url, files={"data": data}, data={"options": '{"end_s": 0.3}'})
                assert answer.status_code == status
                json.loads(answer.content)


def test_a_client_that_closes_after_its_answer_gets_all_of_it(server: LocalServer) -> None:
    answer = httpx.post(
        f"{server.inference_url}/predictions/affect",
        files={"data": clips.no_face()},
        headers={"connection": "close"},
        timeout=60,
    )
    assert len(wire.Prediction.model_validate_json(answer.content).frames) == 10
