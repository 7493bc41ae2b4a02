"""One HTTP request on a connection of its own, and all that comes back on it.

httpx would hide what this is about: a second answer on the same connection, an upload that comes in
drops, a client that hangs up half way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import h11

_PIECE: Final = 64 << 10


@dataclass
class Answer:
    """What came back; a status of 0 is nothing."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    more: bool = False
    """There was something behind the answer: an answer twice."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a client behaves."""

    hang_up_after_s: float | None = None
    """After the upload, without waiting for the answer."""
    trickle_s: float = 0.0
    """How long the upload takes, in 20 pieces."""


POLITE: Final = Manners()


def form(parts: Mapping[str, bytes]) -> tuple[str, bytes]:
    """A multipart body and its content type."""
    mark = b"----torture-5f1c"
    body = b""
    for name, data in parts.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'.encode()
        kind = b"Content-Type: application/octet-stream"
        body += b"--" + mark + b"\r\n" + head + b"\r\n" + kind + b"\r\n\r\n" + data + b"\r\n"
    return f"multipart/form-data; boundary={mark.decode()}", body + b"--" + mark + b"--\r\n"


async def post(
    host: str,
    port: int,
    path: str,
    parts: Mapping[str, bytes],
    *,
    headers: Mapping[str, str] | None = None,
    manners: Manners = POLITE,
) -> Answer:
    """Send a form and read until the other side closes.

    Raises:
        OSError: the connection could not be made or broke.
    """
    kind, body = form(parts)
    lines = {"Host": host, "Content-Type": kind, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **(headers or {})}.items())
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
        reading = asyncio.ensure_future(_read(reader))
        # A refusal may come before all was sent, and closes the connection.
        with suppress(ConnectionError):
            await _send(writer, body, reading, manners)
        if manners.hang_up_after_s is None:
            return await reading
        await asyncio.wait([reading], timeout=manners.hang_up_after_s)
        if reading.done():
            return reading.result()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return Answer()
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def _send(
    writer: asyncio.StreamWriter,
    body: bytes,
    reading: asyncio.Future[Answer],
    manners: Manners,
) -> None:
    step = max(1, len(body) // 20) if manners.trickle_s else _PIECE
    for begin in range(0, len(body), step):
        if reading.done():
            return
        writer.write(body[begin : begin + step])
        await writer.drain()
        if manners.trickle_s:
            await asyncio.wait([reading], timeout=manners.trickle_s / 20)


async def _read(reader: asyncio.StreamReader) -> Answer:
    answer = Answer()
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="POST", target="/", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    while True:
        data = await reader.read(_PIECE)
        try:
            parser.receive_data(data)
            while not isinstance(event := parser.next_event(), (h11.NEED_DATA, h11.PAUSED)):
                if isinstance(event, h11.Response):
                    answer.status = event.status_code
                    answer.headers = {n.decode().lower(): v.decode() for n, v in event.headers}
                elif isinstance(event, h11.Data):
                    answer.body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    # TorchServe closes no connection of a streamed answer: nothing to wait for.
                    answer.whole = True
                    answer.more = bool(parser.trailing_data[0])
                    return answer
                elif isinstance(event, h11.ConnectionClosed):
                    return answer
        except h11.RemoteProtocolError:
            return answer
        if not data:
            return answer
