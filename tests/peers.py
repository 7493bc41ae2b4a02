"""HTTP servers of the tests that do exactly what they are told, well or badly, over raw sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

from received import Received

RECV_BYTES = 1 << 16


class Gone(Exception):  # noqa: N818  nothing has gone wrong
    """The client has closed its side."""


@dataclass
class Peer:
    """The server's end of one connection."""

    socket: socket.socket
    server: Peers
    rest: bytearray = field(default_factory=bytearray)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set once the client has closed the connection."""

    def recv(self) -> bytes:
        try:
            data = self.socket.recv(RECV_BYTES)
        except OSError:
            data = b""
        if not data:
            self.gone.set()
            raise Gone
        return data

    def read_head(self) -> Received:
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.recv()
        head, _, rest = bytes(self.rest).partition(b"\r\n\r\n")
        self.rest = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return Received(method, path, headers, b"")

    def read(self) -> Received:
        """A whole request, kept in the server's list."""
        request = self.read_head()
        body = bytearray()
        if request.headers.get("transfer-encoding") == "chunked":
            while (size := int(self._line(), 16)) > 0:
                body += self._exactly(size)
                self._line()
            self._line()
        else:
            body += self._exactly(int(request.headers.get("content-length", "0")))
        request.body = bytes(body)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.gone.set()
            raise Gone from error

    def answer(
        self,
        body: bytes | dict[str, Any] | list[Any],
        status: int = 200,
        media_type: str = "application/json",
        **headers: str,
    ) -> None:
        """Answer as a whole, and ask the client to close the connection, unless told otherwise."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Connection": "close", "Content-Length": str(len(data)), **headers}
        self.send(head(status, media_type, named) + data)

    def begin_stream(self, media_type: str = "application/x-ndjson") -> None:
        named = {"Connection": "close", "Transfer-Encoding": "chunked"}
        self.send(head(200, media_type, named))

    def chunk(self, data: bytes) -> None:
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end_stream(self) -> None:
        self.send(b"0\r\n\r\n")

    def reset(self) -> None:
        """Break the connection at once; what was sent may be lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.gone.set()

    def hang(self) -> None:
        """Send nothing more and take what comes, until the client goes."""
        while True:
            self.recv()

    def _line(self) -> bytes:
        while b"\r\n" not in self.rest:
            self.rest += self.recv()
        line, _, rest = bytes(self.rest).partition(b"\r\n")
        self.rest = bytearray(rest)
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.rest += self.recv()
        data = bytes(self.rest[:size])
        del self.rest[:size]
        return data


Behaviour = Callable[[Peer], None]


class Peers:
    """A server whose every connection is handled by `behave`, in a thread of its own.

    Where a behaviour returns, nothing more is sent, and the client must close the connection.
    """

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self.requests: list[Received] = []
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Peers:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        # Closing alone does not wake a thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            with suppress(OSError):  # closed already
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        if exc is None:
            assert self.errors == []

    def connected(self) -> list[Peer]:
        """Connections that clients hold open."""
        return [peer for peer in self.peers if not peer.gone.is_set()]

    def wait_until_free(self, timeout_s: float = 10) -> None:
        """Return once no client holds a connection; a leaked one is an error."""
        deadline = time.monotonic() + timeout_s
        while self.connected():
            assert time.monotonic() < deadline, f"{len(self.connected())} connection(s) leaked"
            time.sleep(0.01)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(connection, self)
            self.peers.append(peer)
            self._start(partial(self._serve, peer))

    def _serve(self, peer: Peer) -> None:
        try:
            self._behave(peer)
            if not peer.gone.is_set():
                peer.socket.shutdown(socket.SHUT_WR)
                peer.hang()
        except (Gone, OSError):
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            peer.gone.set()
            peer.socket.close()

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target)
        self._threads.append(thread)
        thread.start()


def head(status: int, media_type: str, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Because", f"Content-Type: {media_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def every_request(answer: Callable[[Peer, Received], None]) -> Behaviour:
    """Read each request of a connection whole, and answer it."""

    def behave(peer: Peer) -> None:
        while True:
            answer(peer, peer.read())

    return behave


def in_turn(*answers: Callable[[Peer, Received], None]) -> Behaviour:
    """The first request gets the first answer, ...; the last is repeated."""
    lock = threading.Lock()
    remaining: Iterator[Callable[[Peer, Received], None]] = iter(answers[:-1])

    def answer(peer: Peer, request: Received) -> None:
        with lock:
            one = next(remaining, answers[-1])
        one(peer, request)

    return every_request(answer)


def json_lines(values: Iterable[Any]) -> Iterator[bytes]:
    """NDJSON."""
    return (json.dumps(value).encode() + b"\n" for value in values)
