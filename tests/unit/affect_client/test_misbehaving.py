"""Servers that hang, break off, flood or drip: a typed error, soon, and no leak."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from affect_client import (
    AffectClient,
    AnswerTimeoutError,
    BrokenAnswerError,
    ConnectionLostError,
    DeadlineError,
    NotAffectlineError,
    RetryPolicy,
    StalledError,
    TooLargeError,
    UnreachableError,
    UploadTimeoutError,
)
from calls import FAST, ONCE, SOON_S, Call, fails, quick, whole
from peers import Behaviour, Peer, Peers, every_request, head, json_lines
from spoken import stream_lines


def close_at_once(peer: Peer) -> None:
    pass


def reset_at_once(peer: Peer) -> None:
    peer.reset()


def close_after_request(peer: Peer) -> None:
    peer.read()


def reset_after_request(peer: Peer) -> None:
    peer.read()
    peer.reset()


@pytest.mark.parametrize("behave", [close_at_once, close_after_request, reset_after_request])
@pytest.mark.parametrize("method", ["predict", "stream"])
def test_a_connection_that_breaks_before_the_answer(
    call: Call, behave: Behaviour, method: str
) -> None:
    error = fails(call, ConnectionLostError, behave, method, b"clip")
    assert not error.begun


def test_a_connection_that_is_reset_at_once(call: Call) -> None:
    # It is a matter of moments whether there was a connection.
    with Peers(reset_at_once) as server, pytest.raises((ConnectionLostError, UnreachableError)):
        call(server, "predict", b"clip", retries=ONCE)


def test_it_is_tried_again(call: Call) -> None:
    with Peers(close_after_request) as server:
        with pytest.raises(ConnectionLostError, match=r"Tried 3 time\(s\)"):
            call(server, "predict", b"clip", retries=FAST)
        assert len(server.requests) == 3


def hang_before_answer(peer: Peer) -> None:
    peer.read()
    peer.hang()


def hang_in_head(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    peer.hang()


@pytest.mark.parametrize("behave", [hang_before_answer, hang_in_head])
@pytest.mark.parametrize("method", ["predict", "stream"])
def test_a_server_that_does_not_begin_to_answer(call: Call, behave: Behaviour, method: str) -> None:
    fails(call, AnswerTimeoutError, behave, method, b"clip", timeouts=quick(answer_s=0.4))


def test_a_live_answer_and_one_on_health_have_waits_of_their_own(call: Call) -> None:
    fails(call, AnswerTimeoutError, hang_before_answer, "health", timeouts=quick(read_s=0.4))


def hang_in_body(peer: Peer) -> None:
    peer.read()
    peer.send(head(200, "application/json", {"Content-Length": "1000"}) + b'{"model": ')
    peer.hang()


def hang_in_refusal(peer: Peer) -> None:
    peer.read()
    peer.send(head(422, "application/json", {"Content-Length": "1000"}) + b'{"type": ')
    peer.hang()


@pytest.mark.parametrize("behave", [hang_in_body, hang_in_refusal])
def test_a_server_that_hangs_within_its_answer(call: Call, behave: Behaviour) -> None:
    # The wait for an answer to begin is long, and does not hold for its middle.
    fails(call, StalledError, behave, timeouts=quick(read_s=0.4))


def hang_in_stream(peer: Peer) -> None:
    peer.read()
    peer.begin_stream()
    for line in json_lines(stream_lines()[:2]):
        peer.chunk(line)
    peer.hang()


def test_a_server_that_hangs_within_a_stream(call: Call) -> None:
    fails(call, StalledError, hang_in_stream, "stream", b"clip", timeouts=quick(stream_s=0.4))


def break_in_body(peer: Peer) -> None:
    peer.read()
    peer.send(head(200, "application/json", {"Content-Length": "1000"}) + b'{"model": ')


def test_a_connection_that_breaks_within_the_answer_is_not_tried_again(call: Call) -> None:
    error = fails(call, ConnectionLostError, break_in_body, "predict", b"clip", retries=FAST)
    assert error.begun


def break_in_stream(peer: Peer) -> None:
    peer.read()
    peer.begin_stream()
    peer.chunk(next(json_lines(stream_lines())))


def test_a_stream_that_has_begun_is_never_tried_again(call: Call) -> None:
    with Peers(break_in_stream) as server:
        with pytest.raises(ConnectionLostError) as caught:
            call(server, "stream", b"clip", retries=FAST)
        assert caught.value.begun
        assert len(server.requests) == 1


def flood(peer: Peer) -> None:
    peer.read()
    peer.send(head(500, "text/html", {}))
    while True:
        peer.send(b"x" * 65536)


def test_of_a_flood_only_the_beginning_is_read(call: Call) -> None:
    error = fails(call, NotAffectlineError, flood)
    assert len(error.body) == 65536


def test_an_answer_larger_than_any_is_given_up(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affect_client._answers.MAX_ANSWER_BYTES", 100)
    fails(call, BrokenAnswerError, every_request(whole))


def drip(peer: Peer) -> None:
    peer.read()
    peer.send(head(200, "application/json", {"Content-Length": "100000"}))
    while not peer.gone.wait(0.02):
        peer.send(b" ")


def test_an_answer_that_comes_in_drops_ends_with_the_deadline(call: Call) -> None:
    fails(call, DeadlineError, drip, retries=RetryPolicy(deadline_s=0.5))


def test_an_answer_that_does_not_begin_ends_with_the_deadline(call: Call) -> None:
    policy = RetryPolicy(deadline_s=0.5)
    error = fails(call, DeadlineError, hang_before_answer, retries=policy)
    assert isinstance(error.__cause__, AnswerTimeoutError)


def never_read(peer: Peer) -> None:
    peer.read_head()
    # Not closed before the client is: a thread that waits without reading.
    peer.server.stopping.wait(SOON_S)
    peer.hang()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that no socket's buffers hold; sparse."""
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    return path


def test_a_server_that_does_not_take_the_upload(large: Path) -> None:
    with (
        Peers(never_read) as server,
        AffectClient(base_url=server.url, retries=ONCE, timeouts=quick(write_s=0.4)) as client,
    ):
        with pytest.raises(UploadTimeoutError):
            client.predict(large)
        server.stopping.set()
        server.wait_until_free()


def read_slowly(peer: Peer) -> None:
    peer.read_head()
    while True:
        peer.recv()
        time.sleep(0.05)


def test_a_server_that_takes_the_upload_slowly_ends_with_the_deadline(
    call: Call, large: Path
) -> None:
    policy = RetryPolicy(deadline_s=0.6)
    fails(call, DeadlineError, read_slowly, "predict", large, retries=policy)


def test_a_refusal_before_the_upload_s_end_is_heard(call: Call, large: Path) -> None:
    def refuse(peer: Peer) -> None:
        peer.read_head()
        peer.answer({"code": 413, "type": "TooLarge", "message": "Too large."}, 413)

    fails(call, TooLargeError, refuse, "predict", large)


def test_no_one_listens(call: Call) -> None:
    with Peers(close_at_once) as server:
        with socket.create_server(("127.0.0.1", 0)) as other:
            server.port = other.getsockname()[1]
        with pytest.raises(UnreachableError, match=r"AFFECT_BASE_URL.*Tried 3 time"):
            call(server, "predict", b"clip", retries=FAST)


def test_many_calls_fail_beside_each_other_and_leave_nothing() -> None:
    with (
        Peers(hang_in_body) as server,
        AffectClient(base_url=server.url, retries=ONCE, timeouts=quick(read_s=0.5)) as client,
    ):
        before = threading.active_count()
        outcomes = list(client.predict_many([b"clip"] * 8, concurrency=8))
        assert all(isinstance(each.error, StalledError) for each in outcomes)
        server.wait_until_free()
        deadline = time.monotonic() + SOON_S
        while threading.active_count() > before:
            assert time.monotonic() < deadline, threading.enumerate()
            time.sleep(0.01)
