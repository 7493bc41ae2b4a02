"""The door before TorchServe: bytes pass, connections carry one request, closing waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from affect_serving.door import Door
from affect_serving.processes import ServerError
from ports import free_ports


class Slow(BaseHTTPRequestHandler):
    """Answers with what it was sent, after the seconds that the path names, and keeps alive."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(self.path[1:]))
        self.send_response(200)
        self.send_header("Connection", "keep-alive")
        self.send_header("X-Asked", self.headers["Connection"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def house() -> Iterator[tuple[Door, str]]:
    port = free_ports(2)
    server = ThreadingHTTPServer(("127.0.0.1", port + 1), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    door = Door("127.0.0.1", port, port + 1)
    door.open()
    try:
        yield door, f"http://127.0.0.1:{port}"
    finally:
        door.close(0)
        server.shutdown()
        thread.join()
        server.server_close()


def test_bytes_pass_unchanged_and_both_sides_are_told_to_close() -> None:
    body = bytes(range(256)) * 20_000
    with house() as (door, url), httpx.Client(timeout=30) as client:
        for _ in range(3):
            answer = client.post(f"{url}/0", content=body, headers={"Connection": "keep-alive"})
            assert answer.content == body
            assert answer.headers["connection"] == answer.headers["x-asked"] == "close"
        deadline = time.monotonic() + 10
        while door.connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert door.connections == 0


def test_closing_refuses_the_new_and_waits_for_the_open() -> None:
    answers: list[bytes] = []
    with house() as (door, url):
        ask = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/0.5", content=b"clip").content)
        )
        ask.start()
        while not door.connections:
            time.sleep(0.01)
        closing = threading.Thread(target=door.close, args=(30,))
        closing.start()
        time.sleep(0.2)
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"{url}/0", content=b"another")
        closing.join()
        ask.join()
        assert answers == [b"clip"]


def test_closing_cuts_off_what_takes_too_long_and_says_how_many() -> None:
    failures: list[Exception] = []

    def post(url: str) -> None:
        try:
            httpx.post(f"{url}/2", content=b"clip", timeout=30)
        except httpx.HTTPError as error:
            failures.append(error)

    with house() as (door, url):
        ask = threading.Thread(target=post, args=(url,))
        ask.start()
        while not door.connections:
            time.sleep(0.01)
        assert door.close(0.1) == 1
        ask.join()
        assert len(failures) == 1
        assert door.close(0.1) == 0


def test_a_client_that_sends_no_whole_head_is_no_one_s_problem() -> None:
    with house() as (door, url), socket.create_connection(("127.0.0.1", httpx.URL(url).port)) as s:
        s.settimeout(10)
        with suppress(ConnectionError):
            s.sendall(b"x" * 100_000)
            assert s.recv(1) == b""
        assert httpx.post(f"{url}/0", content=b"clip").content == b"clip"
        assert door.close(0.5) == 0


def test_a_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"Cannot listen on 127.0.0.1:{port}"):
            Door("127.0.0.1", port, 9).open()
