"""Streams that are left, calls that are cancelled: connections and files are closed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from affect_client import (
    AffectClient,
    AsyncAffectClient,
)
from peers import Peer, Peers, every_request, json_lines
from received import Received
from spoken import stream_lines


def test_a_stream_s_events_arrive_while_the_server_works() -> None:
    def slow(peer: Peer, request: Received) -> None:
        peer.begin_stream()
        lines = list(json_lines(stream_lines()))
        peer.chunk(lines[0])
        peer.server.stopping.wait(30)
        for line in lines[1:]:
            peer.chunk(line)
        peer.end_stream()

    with Peers(every_request(slow)) as server, AffectClient(base_url=server.url) as client:
        with client.stream(b"clip") as events:
            assert next(events).type == "clip"
            server.stopping.set()
            assert [event.type for event in events] == ["frame"] * 3 + ["summary"]
            assert list(events) == []
        server.wait_until_free()
    assert json.loads(server.requests[0].files()["options"][1])["stream"] is True


def endless(peer: Peer, request: Received) -> None:
    peer.begin_stream()
    peer.chunk(next(json_lines(stream_lines())))
    while not peer.gone.wait(0.01):
        peer.chunk(next(json_lines([stream_lines()[1]])))


def test_a_stream_that_is_left_closes_its_connection() -> None:
    with Peers(every_request(endless)) as server, AffectClient(base_url=server.url) as client:
        with client.stream(b"clip") as events:
            for event in events:
                if event.type == "frame":
                    break
        server.wait_until_free()
        for _ in client.stream(b"clip"):
            break
        server.wait_until_free()


def test_an_asynchronous_stream_that_is_left_closes_its_connection() -> None:
    async def run(server: Peers) -> None:
        async with AsyncAffectClient(base_url=server.url) as client:
            async with client.stream(b"clip") as events:
                async for event in events:
                    if event.type == "frame":
                        break
            await asyncio.to_thread(server.wait_until_free)

    with Peers(every_request(endless)) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("method", ["predict", "stream"])
def test_cancelling_closes_the_connection(method: str) -> None:
    def hang(peer: Peer) -> None:
        peer.read()
        peer.hang()

    async def run(server: Peers) -> None:
        async with AsyncAffectClient(base_url=server.url) as client:
            made = getattr(client, method)(b"clip")
            waiting: Any = made if method == "predict" else anext(made)
            task = asyncio.ensure_future(waiting)
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The client is still open, and what it held is not.
            await asyncio.to_thread(server.wait_until_free)

    with Peers(hang) as server:
        asyncio.run(run(server))


def test_cancelling_an_upload_closes_the_connection_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(64 << 20)

    def never_read(peer: Peer) -> None:
        peer.read_head()
        peer.server.stopping.wait(30)
        peer.hang()

    async def run(server: Peers) -> None:
        sent = asyncio.Event()
        async with AsyncAffectClient(base_url=server.url) as client:
            task = asyncio.create_task(client.predict(path, on_upload=lambda *_: sent.set()))
            await sent.wait()
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            server.stopping.set()
            await asyncio.to_thread(server.wait_until_free)

    with Peers(never_read) as server:
        asyncio.run(run(server))
    assert str(path) not in [str(fd.resolve()) for fd in Path("/proc/self/fd").iterdir()]
