"""`affect stream` against a local server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from calls import SOON_S
from peers import Peer, Peers, every_request, json_lines
from programs import affect, on_terminal, process
from received import Received
from spoken import problem, stream_lines


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")
    return path


def send(peer: Peer, lines: list[dict[str, Any]]) -> None:
    peer.begin_stream()
    for line in json_lines(lines):
        peer.chunk(line)


def well(peer: Peer, request: Received) -> None:
    send(peer, stream_lines())
    peer.end_stream()


def test_lines_are_the_server_s(clip: Path) -> None:
    with Peers(every_request(well)) as server:
        done = affect("stream", clip, "--fps", 5, "--faces", "all", url=server.url)
    assert (done.status, done.err) == (0, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["type"] for line in lines] == ["clip", "frame", "frame", "frame", "summary"]
    assert lines[1:4] == stream_lines()[1:4]
    assert json.loads(server.requests[0].parts()["options"])["stream"] is True


def test_a_line_comes_out_before_the_next_is_there(clip: Path) -> None:
    def hold(peer: Peer, request: Received) -> None:
        send(peer, stream_lines()[:2])
        peer.hang()

    with (
        Peers(every_request(hold)) as server,
        process("--base-url", server.url, "stream", clip) as running,
    ):
        assert running.stdout is not None
        lines = [json.loads(running.stdout.readline()) for _ in range(2)]
        assert [line["type"] for line in lines] == ["clip", "frame"]
        running.terminate()


def test_a_stream_that_breaks_off_says_why(clip: Path) -> None:
    def broken(peer: Peer, request: Received) -> None:
        send(
            peer,
            [*stream_lines()[:2], {"type": "error", "problem": problem("internal_error", 500)}],
        )
        peer.end_stream()

    with Peers(every_request(broken)) as server:
        done = affect("stream", clip, url=server.url)
    *_, last = (json.loads(line) for line in done.out.splitlines())
    assert (last["type"], last["problem"]["code"]) == ("error", "internal_error")
    assert last["error"]["exit_status"] == done.status == 5
    assert "(500 internal_error" in done.err


@pytest.mark.parametrize("end", ["reset", "end_stream", "hang"])
def test_a_stream_without_its_end(clip: Path, end: str) -> None:
    def cut(peer: Peer, request: Received) -> None:
        send(peer, stream_lines()[:2])
        if end == "reset":
            time.sleep(0.2)  # what was sent would be lost with the connection
        getattr(peer, end)()

    began = time.monotonic()
    with Peers(every_request(cut)) as server:
        done = affect("stream", clip, "--timeout", 0.5, url=server.url)
        server.wait_until_free()
    assert done.status == {"reset": 3, "end_stream": 5, "hang": 4}[end]
    assert [json.loads(x)["type"] for x in done.out.splitlines()] == ["clip", "frame", "error"]
    assert time.monotonic() - began < SOON_S


def test_on_a_terminal_it_is_drawn_and_ends_as_predict_does(clip: Path) -> None:
    with Peers(every_request(well)) as server:
        status, screen = on_terminal("--base-url", server.url, "stream", clip)
    assert status == 0
    assert "3 samples at 5 a second, 2 with a face" in screen
    assert '"type"' not in screen


def test_ctrl_c_leaves_what_was_found(clip: Path) -> None:
    def hold(peer: Peer, request: Received) -> None:
        send(peer, stream_lines()[:3])
        peer.hang()

    with Peers(every_request(hold)) as server:
        status, screen = on_terminal(
            "--base-url", server.url, "stream", clip, until=lambda text: "2 samples" in text
        )
        server.wait_until_free()
    assert status == 130
    assert "Traceback" not in screen
    assert "Aborted" not in screen
