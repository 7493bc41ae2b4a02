"""As much of HTTP/1.1 as the door reads and writes: heads, where a body ends, a problem."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from affect_client import wire

END: Final = b"\r\n\r\n"
_HOP_BY_HOP: Final = (b"connection:", b"keep-alive:", b"proxy-connection:")
_LAST_CHUNK: Final = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the header lines of a request or an answer, with the blank line.

    Args:
        data: as it came, up to and including the blank line.
    """

    data: bytes

    @property
    def method_and_path(self) -> tuple[bytes, bytes]:
        """Of a request; the path without its query."""
        method, _, rest = self.data.partition(b"\r\n")[0].partition(b" ")
        return method, rest.partition(b" ")[0].partition(b"?")[0]

    @property
    def status(self) -> int:
        """Of an answer; 0 where there is none."""
        parts = self.data.split(maxsplit=2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    def header(self, name: bytes) -> bytes:
        """A header's value in lower case, empty where it is missing."""
        for line in self.data.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name:
                return value.strip().lower()
        return b""

    def closing(self, *more: bytes) -> bytes:
        """With `Connection: close` for whatever it says of the connection, and more lines."""
        lines = self.data.removesuffix(END).split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(_HOP_BY_HOP)]
        return b"\r\n".join([*kept, *more, b"Connection: close", b"", b""])


class BodyEnd:
    """Tells when a request's body is whole, from the pieces that pass.

    A body in chunks ends with an empty one. Trailers, which no client of ours sends, hide it.

    Args:
        head: the request's.
    """

    def __init__(self, head: Head) -> None:
        length = head.header(b"content-length")
        self._chunked = b"chunked" in head.header(b"transfer-encoding")
        self._left = (
            int(length) if length.isdigit() and len(length) < 20 and not self._chunked else 0
        )
        self._tail = b""
        self.reached = not self._chunked and self._left == 0

    def take(self, piece: bytes) -> bool:
        """A piece of the body passes; whether it was the last."""
        if self._chunked:
            self._tail = (self._tail + piece[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
            self.reached = self._tail == _LAST_CHUNK
        else:
            self._left -= len(piece)
            self.reached = self._left <= 0
        return self.reached


def answer_of(problem: wire.Problem, *more: bytes) -> bytes:
    """A whole answer: the problem details (RFC 9457), with more header lines."""
    body = problem.model_dump_json().encode()
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode(),
        f"Content-Type: {wire.PROBLEM_MEDIA_TYPE}".encode(),
        b"Content-Length: %d" % len(body),
        *more,
        b"Connection: close",
    ]
    return b"\r\n".join(lines) + END + body
