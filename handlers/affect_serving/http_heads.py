"""As much of HTTP/1.1 as the door reads and writes: heads, where a body ends, a problem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from affect_client import wire

END: Final = b"\r\n\r\n"
_HOP_BY_HOP: Final = (b"connection:", b"keep-alive:", b"proxy-connection:")
_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LONGEST_LINE: Final = 8 << 10
_NAME: Final = re.compile(rb"[^\x00-\x20:\x7f]+:")


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
    def is_plain(self) -> bool:
        """Whether it reads the same for everyone (RFC 9112, sections 2.2, 5.1, 5.2 and 6.3).

        Not one with line feeds alone, folded lines, blanks before a colon or two lengths: whoever
        reads it otherwise than the next takes a body for a request, or a request for a body.
        """
        lines = self.data.removesuffix(END).split(b"\r\n")
        lengths = sum(line.lower().startswith(b"content-length:") for line in lines)
        alone = any(b"\n" in line or b"\r" in line for line in lines)
        return not alone and lengths < 2 and all(_NAME.match(line) for line in lines[1:])

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

    A body in chunks (RFC 9112, section 7.1) whose framing is broken is never whole.

    Args:
        head: the request's.
    """

    def __init__(self, head: Head) -> None:
        length = head.header(b"content-length")
        chunked = b"chunked" in head.header(b"transfer-encoding")
        self._chunks = _Chunks() if chunked else None
        self._left = int(length) if length.isdigit() and len(length) < 20 and not chunked else 0
        self.reached = not chunked and self._left == 0

    def take(self, piece: bytes) -> tuple[bytes, bool]:
        """A piece passes: what of it belongs to the body, and whether that ends with it."""
        if self.reached:
            return b"", False
        if self._chunks is not None:
            own = piece[: self._chunks.take(piece)]
            self.reached = self._chunks.ended
        else:
            own = piece[: self._left]
            self._left -= len(own)
            self.reached = self._left == 0
        return own, self.reached


class _Chunks:
    """Where in a chunked body one is: in a line (a size, a trailer) or in a chunk's data."""

    def __init__(self) -> None:
        self.ended = False
        self._line = b""
        self._data = 0
        self._last = False
        self._broken = False

    def take(self, piece: bytes) -> int:
        """How many bytes of it belong to the body; all of them where the framing is broken."""
        at = 0
        while at < len(piece) and not (self.ended or self._broken):
            if self._data:
                skipped = min(self._data, len(piece) - at)
                self._data -= skipped
                at += skipped
                continue
            stop = piece.find(b"\n", at) + 1 or len(piece)
            self._line += piece[at:stop]
            at = stop
            if self._line.endswith(b"\n"):
                self._end_line(self._line)
                self._line = b""
            elif len(self._line) > _LONGEST_LINE:
                self._broken = True
        return len(piece) if self._broken else at

    def _end_line(self, line: bytes) -> None:
        text = line.removesuffix(b"\r\n")
        if text == line:
            self._broken = True
        elif self._last:
            self.ended = not text
        else:
            digits = text.partition(b";")[0].strip()
            if not _SIZE.fullmatch(digits):
                self._broken = True
                return
            size = int(digits, 16)
            self._last = size == 0
            self._data = size + len(b"\r\n") if size else 0


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
