"""Requests as bytes, which no client library would send."""

from __future__ import annotations

import socket
from collections.abc import Iterable

BOUNDARY = b"a-boundary"


def send(port: int, request: bytes, timeout_s: float = 60) -> bytes:
    """All that is answered until the other side closes, or says nothing more for a second."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(request)
        answer = b""
        while True:
            try:
                piece = connection.recv(1 << 16)
            except (TimeoutError, ConnectionResetError):
                return answer
            if not piece:
                return answer
            answer += piece
            connection.settimeout(1)


def request(
    target: bytes,
    body: bytes = b"",
    headers: Iterable[bytes] = (),
    *,
    method: bytes = b"POST",
    content_type: bytes = b"application/octet-stream",
) -> bytes:
    """Head and body, nothing escaped; the connection is closed after the answer."""
    lines = [
        method + b" " + target + b" HTTP/1.1",
        b"Host: localhost",
        b"Connection: close",
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""]) + body


def multipart(parts: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """A body of parts, each with what follows `form-data; ` as it is, and its content type."""
    body = b"".join(
        b"--"
        + BOUNDARY
        + b"\r\nContent-Disposition: form-data; "
        + disposition
        + b"\r\nContent-Type: application/octet-stream\r\n\r\n"
        + content
        + b"\r\n"
        for disposition, content in parts
    )
    return body + b"--" + BOUNDARY + b"--\r\n", b"multipart/form-data; boundary=" + BOUNDARY
