"""The client in front of the handler: what one writes the other reads, both ways, over HTTP."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from ts.context import Context

import clips
from affect_client import AffectClient, AsyncAffectClient, StatusError, Timeouts, result_of
from affect_client.refusals import (
    FrameTooLargeError,
    InvalidOptionsError,
    NoVideoStreamError,
    UndecodableClipError,
    UnknownSessionError,
)
from live_steps import FPS, jpeg, lossless, sampled
from peers import Behaviour, Peer, Peers, every_request
from received import Received
from worker import Row, build_context, call_each, post_together


def row_of(request: Received) -> Row:
    """Parts by name, as TorchServe gives them to a worker."""
    return {name: bytearray(content) for name, content in request.parts().items()}


def one_at_a_time(answer: Callable[[Row, Received], tuple[int, str, str]]) -> Behaviour:
    """Answer with (status, media type, text) of a handler, which has one thread."""
    lock = threading.Lock()

    def behave(peer: Peer, request: Received) -> None:
        with lock:
            status, media_type, text = answer(row_of(request), request)
        peer.answer(text.encode(), status, media_type)

    return every_request(behave)


def handler_for(context: Context) -> Any:
    made = importlib.import_module("affect_handler").AffectHandler()
    made.initialize(context)
    return made


@pytest.fixture(scope="module")
def client(unpacked: Path, small_store: Path) -> Iterator[AffectClient]:
    context = build_context(unpacked, small_store)
    handler = handler_for(context)

    def answer(row: Row, request: Received) -> tuple[int, str, str]:
        (response,) = post_together(handler, context, [row])
        return response.status or 0, response.media_type or "", response.text

    with Peers(one_at_a_time(answer)) as server, AffectClient(base_url=server.url) as made:
        yield made


@pytest.fixture(scope="module")
def live_client(unpacked_live: Path, small_store: Path) -> Iterator[AffectClient]:
    context = build_context(unpacked_live, small_store)
    handler = handler_for(context)

    def answer(row: Row, request: Received) -> tuple[int, str, str]:
        (text,) = call_each(handler, context, [(row, request.headers)])
        status, _ = context.get_response_status(0)
        return status or 200, context.get_response_content_type(0), text

    with Peers(one_at_a_time(answer)) as server, AffectClient(base_url=server.url) as made:
        yield made


def test_a_clip_s_answer_and_its_stream_are_the_same(client: AffectClient) -> None:
    data = clips.two_faces()
    whole = client.predict(data, faces="all", sample_fps=4, start_s=0.25, end_s=1.5)
    assert [frame.time_s for frame in whole.frames] == [0.25, 0.5, 0.75, 1.0, 1.25]
    assert set(whole.traces()) == {0, 1}
    with client.stream(data, faces="all", sample_fps=4, start_s=0.25, end_s=1.5) as events:
        streamed = result_of(events)
    assert streamed.clip == whole.clip
    assert [f.index for f in streamed.frames] == [f.index for f in whole.frames]
    for one, other in zip(streamed.traces().values(), whole.traces().values(), strict=True):
        assert one.arousal == pytest.approx(other.arousal, abs=1e-5)
        assert one.valence == pytest.approx(other.valence, abs=1e-5)


def test_frames_without_a_face_are_there(client: AffectClient) -> None:
    trace = client.predict(clips.no_face()).trace()
    assert len(trace) == 10
    assert all(np.isnan(trace.to_numpy()[1:]).ravel())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"hello, this is no clip\n" * 50, UndecodableClipError),
        (clips.audio_only, NoVideoStreamError),
        (clips.huge_frame, FrameTooLargeError),
    ],
)
def test_a_refused_clip_is_an_error_of_its_code(
    client: AffectClient, data: Any, kind: type[StatusError]
) -> None:
    clip = data if isinstance(data, bytes) else data()
    for ask in (client.predict, lambda clip: list(client.stream(clip))):
        with pytest.raises(kind) as caught:
            ask(clip)
        assert type(caught.value) is kind
        assert caught.value.detail in str(caught.value)


def test_a_window_after_the_clip_is_an_error_of_its_code(client: AffectClient) -> None:
    with pytest.raises(InvalidOptionsError):
        client.predict(clips.carphone(), start_s=60)


def test_the_client_waits_longer_than_the_server_works(unpacked: Path) -> None:
    config = yaml.safe_load((unpacked / "model-config.yaml").read_text())
    assert Timeouts().answer_s > config["responseTimeout"]


def test_a_live_session_gives_the_numbers_of_the_whole_clip(
    client: AffectClient, live_client: AffectClient
) -> None:
    frames = sampled(clips.carphone(), 9)
    whole = client.predict(lossless(frames)).trace()
    with live_client.live(fps=FPS) as session:
        # As arrays in OpenCV's order, together, and as a short clip.
        shown = [session.send(cv2.cvtColor(np.asarray(f), cv2.COLOR_RGB2BGR)) for f in frames[:3]]
        arrays = [cv2.cvtColor(np.asarray(f), cv2.COLOR_RGB2BGR) for f in frames[3:6]]
        shown += session.send_frames(arrays).frames
        shown += session.send_clip(lossless(frames[6:])).frames
    assert [frame.time_s for frame in shown] == pytest.approx(whole.time_s)
    assert [f.faces[0].arousal for f in shown] == pytest.approx(whole.arousal, abs=1e-5)
    assert [f.faces[0].valence for f in shown] == pytest.approx(whole.valence, abs=1e-5)


def test_jpeg_goes_as_it_is_and_a_bad_one_leaves_the_session_as_it_was(
    live_client: AffectClient,
) -> None:
    frame = jpeg(sampled(clips.carphone(), 1)[0])
    with live_client.live() as session:
        assert session.send(frame).index == 0
        with pytest.raises(UndecodableClipError):
            session.send(frame[:40])
        assert session.send(frame).index == 1


def test_a_session_that_was_ended_elsewhere_is_unknown(live_client: AffectClient) -> None:
    frame = jpeg(sampled(clips.carphone(), 1)[0])
    session = live_client.live()
    session.send(frame)
    twin = live_client.live()
    twin._state.name = session.name
    twin._state.begun = True
    twin.close()
    with pytest.raises(UnknownSessionError):
        session.send(frame)


def test_the_asynchronous_client_reads_the_same(client: AffectClient) -> None:
    data = clips.portrait_pan()

    async def run() -> list[Any]:
        async with AsyncAffectClient(base_url=client._requests.settings.base_url) as other:
            return [await other.predict(data), [event async for event in other.stream(data)]]

    answer, events = asyncio.run(run())
    assert answer.trace().arousal == pytest.approx(client.predict(data).trace().arousal, abs=1e-5)
    assert len(result_of(events).frames) == len(answer.frames)
