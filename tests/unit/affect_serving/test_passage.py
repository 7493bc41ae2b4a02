"""What the door itself answers: too many clips, TorchServe away, a worker that has died."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import ClassVar

import httpx
import pytest

from affect_client import AffectClient, RetryPolicy, WorkerDiedError, wire
from affect_serving.door import Door
from affect_serving.passage import MOST_BYTES
from ports import free_ports

CLIP = "/predictions/affect"
LIVE = "/predictions/affect-live"
MOST = 5
"""One more than are never refused for the time they take."""


class Behind(BaseHTTPRequestHandler):
    """Stands for TorchServe: holds what it has until told, then answers with the body."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()
    had: ClassVar[list[bytes]] = []
    status = 200
    error = ""
    message = "-"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.had.append(body)
        self.go_on.wait(30)
        text = (
            body
            if not self.error
            else json.dumps(
                {"type": self.error, "code": self.status, "message": self.message}
            ).encode()
        )
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Request-Id", "4f1c")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def do_HEAD(self) -> None:
        self.do_POST()

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def house(*, empty: bool = False) -> Iterator[tuple[Door, str, type[Behind]]]:
    """A door before somebody who waits, or before nobody."""
    port = free_ports(2)

    class Kind(Behind):
        go_on = threading.Event()
        had: ClassVar[list[bytes]] = []

    door = Door("127.0.0.1", port, port + 1, within_s=60, at_most=MOST)
    door.open()
    server = ThreadingHTTPServer(("127.0.0.1", port + 1), Kind, bind_and_activate=not empty)
    thread = threading.Thread(target=server.serve_forever)
    if not empty:
        thread.start()
    try:
        yield door, f"http://127.0.0.1:{port}", Kind
    finally:
        Kind.go_on.set()
        door.close(0)
        if not empty:
            server.shutdown()
            thread.join()
        server.server_close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def refused(answer: httpx.Response) -> wire.Problem:
    """A refusal of the door's own, in the contract's words."""
    assert answer.status_code == 503
    assert answer.headers["content-type"] == wire.PROBLEM_MEDIA_TYPE
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    problem = wire.Problem.model_validate_json(answer.content)
    assert problem.code == "overloaded"
    return problem


def test_one_clip_too_many_is_refused_at_once_and_the_others_are_answered() -> None:
    with house() as (_, url, behind), ThreadPoolExecutor(MOST) as pool:
        sent = [pool.submit(httpx.post, url + CLIP, content=b"%d" % i) for i in range(MOST)]
        until(lambda: len(behind.had) == MOST)
        began = time.monotonic()
        refused(httpx.post(url + CLIP, content=b"x" * 50_000_000, timeout=20))
        assert time.monotonic() - began < 5
        behind.go_on.set()
        assert [each.result().content for each in sent] == [b"%d" % i for i in range(MOST)]
        assert httpx.post(url + CLIP, content=b"again").content == b"again"
    assert len(behind.had) == MOST + 1


def test_a_live_session_has_its_own_places() -> None:
    with house() as (_, url, behind), ThreadPoolExecutor(MOST + 1) as pool:
        sent = [pool.submit(httpx.post, url + CLIP, content=b"clip") for _ in range(MOST)]
        until(lambda: len(behind.had) == MOST)
        live = pool.submit(httpx.post, url + LIVE, content=b"live")
        until(lambda: len(behind.had) == MOST + 1)
        behind.go_on.set()
        assert live.result().content == b"live"
        assert {each.result().status_code for each in sent} == {200}


def test_uploads_that_trickle_take_nobodys_place() -> None:
    with house() as (door, url, behind):
        behind.go_on.set()
        where = httpx.URL(url)
        slow = [socket.create_connection((where.host, where.port or 0)) for _ in range(4 * MOST)]
        for each in slow:
            each.sendall(f"POST {CLIP} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx".encode())
        until(lambda: door.connections == 4 * MOST)
        assert httpx.post(url + CLIP, content=b"quick").content == b"quick"
        slow[0].sendall(b"12345678")
        slow[0].settimeout(20)
        assert slow[0].recv(12) == b"HTTP/1.1 200"
        for each in slow:
            each.close()


def test_a_client_that_hangs_up_keeps_its_place_while_its_clip_is_worked_on() -> None:
    with house() as (_, url, behind):
        for _ in range(MOST):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(url + CLIP, content=b"gone", timeout=httpx.Timeout(20, read=0.2))
        until(lambda: len(behind.had) == MOST)
        refused(httpx.post(url + CLIP, content=b"clip"))
        behind.go_on.set()
        until(lambda: httpx.post(url + CLIP, content=b"clip").status_code == 200)


def test_while_nobody_is_behind_it_says_when_to_come_again() -> None:
    with house(empty=True) as (_, url, _behind):
        for path in (CLIP, LIVE):
            assert "starting" in refused(httpx.post(url + path, content=b"clip")).detail


def test_what_a_dead_worker_had_is_refused_and_the_other_workers_is_not() -> None:
    with house() as (door, url, behind), ThreadPoolExecutor(2) as pool:
        clip = pool.submit(httpx.post, url + CLIP, content=b"clip", timeout=30)
        live = pool.submit(httpx.post, url + LIVE, content=b"live", timeout=30)
        until(lambda: len(behind.had) == 2)
        door.break_off(live=False)
        assert "again" in refused(clip.result()).detail
        assert not live.done()
        behind.go_on.set()
        assert live.result().content == b"live"


class Chunked(BaseHTTPRequestHandler):
    """Answers as TorchServe does for continuous batching: all of it, and its end by itself."""

    protocol_version = "HTTP/1.1"
    ends = threading.Event()
    begun = threading.Event()
    media_type = "application/json"
    text = b'{"all": "of it"}'
    breaks = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", self.media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(self.text), self.text))
        self.begun.set()
        self.ends.wait(30)
        self.close_connection = True
        if not self.breaks:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def chunked(**attributes: object) -> Iterator[tuple[Door, str, type[Chunked]]]:
    """A door before an answer whose end is yet to come."""
    port = free_ports(2)
    events = {"ends": threading.Event(), "begun": threading.Event()}
    kind: type[Chunked] = type("Kind", (Chunked,), {**events, **attributes})
    door = Door("127.0.0.1", port, port + 1)
    door.open()
    server = ThreadingHTTPServer(("127.0.0.1", port + 1), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield door, f"http://127.0.0.1:{port}", kind
    finally:
        kind.ends.set()
        door.close(0)
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_whose_worker_dies_before_its_end_has_not_begun() -> None:
    with chunked() as (door, url, behind), ThreadPoolExecutor(1) as pool:
        clip = pool.submit(httpx.post, url + CLIP, content=b"clip", timeout=30)
        assert behind.begun.wait(20)
        time.sleep(0.1)  # for the answer to be where it is held
        door.break_off(live=False)
        assert "again" in refused(clip.result()).detail


def test_an_answer_that_torchserve_breaks_off_has_not_begun() -> None:
    with chunked(breaks=True) as (_, url, behind):
        behind.ends.set()
        assert "again" in refused(httpx.post(url + CLIP, content=b"clip", timeout=30)).detail


@pytest.mark.parametrize("size", [20, 1 << 20, 40 << 20])
def test_an_answer_in_chunks_arrives_whole(size: int) -> None:
    with chunked(text=b"x" * size) as (_, url, behind):
        behind.ends.set()
        answer = httpx.post(url + CLIP, content=b"clip", timeout=30)
        assert (answer.status_code, len(answer.content)) == (200, size)


def test_a_stream_begins_before_it_is_whole() -> None:
    with (
        chunked(media_type="application/x-ndjson") as (_, url, behind),
        httpx.stream("POST", url + CLIP, content=b"clip", timeout=30) as answer,
    ):
        assert next(answer.iter_bytes()) == behind.text
        behind.ends.set()


def test_torchserves_own_refusal_is_put_into_the_contracts_words() -> None:
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status, behind.error = 503, "ServiceUnavailableException"
        refused(httpx.post(url + LIVE, content=b"frame"))


def test_a_form_that_torchserve_cannot_read_is_the_client_s_to_mend() -> None:
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status, behind.error = 500, "ErrorDataDecoderException"
        answer = httpx.post(url + CLIP, content=b"no form")
        assert wire.Problem.model_validate_json(answer.content).code == "bad_request"
        assert (answer.status_code, "retry-after" in answer.headers) == (400, False)
        assert answer.headers["x-request-id"] == "4f1c"


def test_a_refusal_without_a_body_stays_one() -> None:
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status, behind.error = 405, "MethodNotAllowedException"
        answer = httpx.head(url + CLIP)
        assert (answer.status_code, answer.content) == (405, b"")


def test_an_error_too_long_for_torchserves_own_is_passed_on_whole() -> None:
    text = b"x" * 200_000
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status = 500
        answer = httpx.post(url + CLIP, content=text)
        assert (answer.status_code, answer.content == text) == (500, True)


def test_a_500_of_a_worker_that_died_can_be_tried_again_and_another_one_not() -> None:
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status, behind.error = 500, "InternalServerException"
        answer = httpx.post(url + CLIP, content=b"clip")
        assert (answer.status_code, "retry-after" in answer.headers) == (500, False)
        behind.message = "Worker died."
        refused(httpx.post(url + CLIP, content=b"clip"))


def test_a_worker_that_died_stays_one_and_says_when_to_come_again() -> None:
    with house() as (_, url, behind):
        behind.go_on.set()
        behind.status, behind.error = 507, "InternalServerException"
        with AffectClient(base_url=url, retries=RetryPolicy(max_retries=0)) as client:
            with pytest.raises(WorkerDiedError) as caught:
                client.predict(b"clip")
            assert caught.value.retry_after_s == 5


def connected(url: str) -> socket.socket:
    where = httpx.URL(url)
    made = socket.create_connection((where.host, where.port or 0))
    made.settimeout(30)
    return made


def begun(method: str, *lines: str, path: str = CLIP) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def test_a_body_that_only_seems_whole_takes_no_place() -> None:
    with house() as (door, url, behind), ThreadPoolExecutor(1) as pool:
        for _ in range(2 * MOST):
            with connected(url) as each:
                # A chunk of 256 bytes, of which the first look like a body's end.
                each.sendall(begun("POST", "Transfer-Encoding: chunked") + b"100\r\n0\r\n\r\n")
        until(lambda: door.connections == 0)
        clip = pool.submit(httpx.post, url + CLIP, content=b"clip", timeout=30)
        until(lambda: b"clip" in behind.had)
        behind.go_on.set()
        assert clip.result().content == b"clip"


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "GET"])
def test_whatever_the_method_a_clip_takes_a_place(method: str) -> None:
    with house() as (_, url, behind):
        made = [connected(url) for _ in range(MOST)]
        for each in made:
            each.sendall(begun("POST", "Content-Length: 4") + b"clip")
        until(lambda: len(behind.had) == MOST)
        refused(httpx.request(method, url + CLIP, content=b"clip", timeout=30))
        behind.go_on.set()
        for each in made:
            each.close()


@pytest.mark.parametrize(
    "line",
    ["Host: b\nContent-Length: 0", " Content-Length: 0", "Content-Length: 3\r\nContent-Length: 4"],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(line: str) -> None:
    with house() as (_, url, behind), connected(url) as made:
        made.sendall(begun("POST", line))
        answer = b"".join(iter(lambda: made.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (
            wire.Problem.model_validate_json(answer.partition(b"\r\n\r\n")[2]).code == "bad_request"
        )
        assert behind.had == []


def test_a_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    with house() as (_, url, behind), connected(url) as made:
        made.sendall(begun("POST", f"Content-Length: {MOST_BYTES + 1}"))
        answer = b"".join(iter(lambda: made.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert behind.had == []
    config = resources.files("affect_training") / "torchserve" / "config.properties"
    assert f"max_request_size={MOST_BYTES}\n" in config.read_text(encoding="utf-8")


def test_a_connection_carries_one_request() -> None:
    with house() as (_, url, behind), connected(url) as made:
        behind.go_on.set()
        made.sendall((begun("POST", "Content-Length: 4") + b"clip") * 3)
        answer = b"".join(iter(lambda: made.recv(1 << 16), b""))
        assert answer.count(b"HTTP/1.1 200") == 1
        assert behind.had == [b"clip"]


SOON_S = 20
"""Less than the door's own patience with clients that keep it waiting."""


def test_a_client_that_does_not_read_is_let_go_when_the_door_closes() -> None:
    with house() as (door, url, behind), connected(url) as made:
        behind.go_on.set()
        made.sendall(begun("POST", "Content-Length: 30000000") + bytes(30_000_000))
        until(lambda: bool(behind.had))
        time.sleep(0.5)  # until the answer has filled all that may hold it
        began = time.monotonic()
        assert door.close(0) == 1
        assert time.monotonic() - began < SOON_S


def test_a_client_that_goes_on_sending_is_let_go_when_the_door_closes() -> None:
    with house() as (door, url, _), connected(url) as made:
        made.sendall(begun("POST", "Content-Length: 99999999999"))

        def send() -> None:
            with suppress(OSError):
                while True:
                    made.sendall(bytes(1 << 16))

        sending = threading.Thread(target=send)
        sending.start()
        until(lambda: door.connections == 1)
        began = time.monotonic()
        door.close(0)
        assert time.monotonic() - began < SOON_S
        sending.join(SOON_S)
        assert not sending.is_alive()


def test_connections_beyond_all_bounds_are_turned_away_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("affect_serving.door._MOST_CONNECTIONS", 2)
    monkeypatch.setattr("affect_serving.door._MOST_REFUSED", 1)
    with house() as (door, url, behind):
        idle = [connected(url) for _ in range(3)]
        until(lambda: door.connections == 3)
        with connected(url) as fourth:
            answer = b"".join(iter(lambda: fourth.recv(1 << 16), b""))
            assert answer.startswith(b"HTTP/1.1 503 ")
        assert door.connections == 3
        for each in idle:
            each.close()
        until(lambda: door.connections == 0)
        behind.go_on.set()
        assert httpx.post(url + CLIP, content=b"clip").content == b"clip"
