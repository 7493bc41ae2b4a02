"""The clients against a real TorchServe."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import clips
from affect_client import (
    AffectClient,
    AsyncAffectClient,
    NotAffectlineError,
    RetryPolicy,
    StatusError,
    StreamFrame,
    result_of,
)
from affect_client.refusals import (
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UndecodableClipError,
    UnknownSessionError,
)
from affect_serving.server import LocalServer
from live_steps import FPS, lossless, sampled
from ports import free_ports

ONCE = RetryPolicy(max_retries=0)


@pytest.fixture(scope="module")
def running(small_store: Path) -> Iterator[LocalServer]:
    with LocalServer(small_store, free_ports(), ("affect", "affect-live")) as server:
        yield server


@pytest.fixture(scope="module")
def client(running: LocalServer) -> Iterator[AffectClient]:
    with AffectClient(base_url=running.inference_url) as made:
        yield made


@pytest.fixture(scope="module")
def carphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / 'a "clip" für uns.mp4'
    path.write_bytes(clips.carphone())
    return path


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_a_path_bytes_a_file_and_a_pipe_have_the_same_answer(
    client: AffectClient, carphone: Path
) -> None:
    expected = client.predict(carphone).trace()
    assert len(expected) == 20
    with carphone.open("rb") as file:
        for source in (carphone.read_bytes(), file, Pipe(carphone.read_bytes())):
            trace = client.predict(source).trace()
            assert trace.arousal == pytest.approx(expected.arousal, abs=1e-5)


def test_a_clip_that_torchserve_spools_to_a_file_arrives_whole(client: AffectClient) -> None:
    padded = clips.carphone() + b"\0" * 20_000_000
    seen: list[tuple[int, int | None]] = []
    result = client.predict(
        padded, end_s=0.5, on_upload=lambda sent, total: seen.append((sent, total))
    )
    assert len(result.frames) == 3
    assert seen[-1] == (len(padded), len(padded))


def test_a_stream_s_first_frame_comes_before_its_last(client: AffectClient) -> None:
    times_s = []
    with client.stream(clips.face_comes_and_goes((True,) * 100)) as events:
        seen = []
        for event in events:
            seen.append(event)
            times_s.append(time.monotonic())
    frames = [k for k, event in enumerate(seen) if isinstance(event, StreamFrame)]
    assert len(frames) == 100
    assert times_s[frames[0]] < times_s[frames[-1]]
    assert len(result_of(seen).frames) == 100


def test_a_stream_that_is_left_does_not_hold_up_the_next_clip(client: AffectClient) -> None:
    long = clips.face_comes_and_goes((True,) * 400)
    with client.stream(long) as events:
        next(events)
    assert len(client.predict(clips.portrait_pan(), end_s=0.3).frames) == 2


def test_problems_have_their_class_and_a_request_id(client: AffectClient) -> None:
    with pytest.raises(UndecodableClipError) as caught:
        client.predict(b"hello" * 100)
    assert caught.value.request_id
    assert caught.value.request_id in str(caught.value)
    with pytest.raises(UndecodableClipError):
        list(client.stream(b"hello" * 100))


def test_torchserve_s_own_refusals_have_the_class_of_their_status(
    running: LocalServer, tmp_path: Path
) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate((256 << 20) + 1)
    with AffectClient(base_url=running.inference_url, retries=ONCE) as client:
        with pytest.raises(TooLargeError) as caught:
            client.predict(large)
        assert caught.value.code is None


def test_the_wrong_port_says_so(running: LocalServer) -> None:
    with (
        AffectClient(base_url=running.management_url, retries=ONCE) as client,
        pytest.raises((NotFoundError, MethodNotAllowedError), match="port"),
    ):
        client.predict(b"clip")
    ping = f"{running.inference_url}/ping"
    with (
        AffectClient(base_url=running.inference_url, metrics_url=ping) as client,
        pytest.raises(NotAffectlineError),
    ):
        client.metrics()


def test_what_the_server_says_of_itself(client: AffectClient) -> None:
    assert client.health().healthy
    models = {model.name: model for model in client.models()}
    assert set(models) == {"affect", "affect-live"}
    assert all(model.ready for model in models.values())
    assert client.describe().detector.name == "libfacedetection"
    before = client.metrics().clips.get("ok", 0)
    client.predict(clips.no_face())
    deadline = time.monotonic() + 10
    while client.metrics().clips.get("ok", 0) != before + 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.metrics().frames["no_face"] >= 10


def test_many_clips_and_a_bad_one(client: AffectClient, carphone: Path) -> None:
    sources: list[Any] = [carphone, b"no clip", clips.portrait_pan(), carphone]
    outcomes = list(client.predict_many(sources, end_s=0.5))
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None), UndecodableClipError, type(None), type(None)
    ]  # fmt: skip
    first, last = outcomes[0].unwrap(), outcomes[3].unwrap()
    assert first.trace().arousal == pytest.approx(last.trace().arousal, abs=1e-5)


def test_a_live_session_gives_the_numbers_of_the_whole_clip(client: AffectClient) -> None:
    frames = sampled(clips.carphone(), 6)
    whole = client.predict(lossless(frames)).trace()
    with client.live(fps=FPS) as session:
        arrays = [cv2.cvtColor(np.asarray(f), cv2.COLOR_RGB2BGR) for f in frames]
        shown = [session.send(array) for array in arrays]
        name = session.name
    assert [f.faces[0].arousal for f in shown] == pytest.approx(whole.arousal, abs=1e-5)
    late = client.live()
    late._state.name, late._state.begun = name, True
    with pytest.raises((UnknownSessionError, StatusError)):
        late.send(arrays[0], time_s=9)


def test_the_asynchronous_client(running: LocalServer, carphone: Path) -> None:
    async def run() -> tuple[int, int, int, bool]:
        async with AsyncAffectClient(base_url=running.inference_url) as client:
            whole, events = await asyncio.gather(
                client.predict(carphone), _all(client.stream(carphone))
            )
            async with client.live() as session:
                frame = await session.send(np.zeros((48, 64, 3), np.uint8))
            healthy = (await client.health()).healthy
        return len(whole.frames), len(events), len(frame.faces), healthy

    assert asyncio.run(run()) == (20, 22, 0, True)


async def _all(events: Any) -> list[Any]:
    return [event async for event in events]
