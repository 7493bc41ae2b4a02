"""The port that clients connect to, where TorchServe itself stays on loopback behind it.

TorchServe 0.12.0 cannot stop listening and go on answering: told to end it drops what it has. So
where a service must be drained, this process listens, passes bytes on, and on closing refuses
new connections while those that are open get their answers. A connection carries one request
(both sides are told `Connection: close`), so one that is open is one that is owed an answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from affect_serving.addresses import LOOPBACK
from affect_serving.processes import ServerError

_HEAD_BYTES: Final = 64 << 10
_HEAD_TIMEOUT_S: Final = 30.0
_LINGER_S: Final = 2.0
_PIECE_BYTES: Final = 256 << 10
_HOP_BY_HOP: Final = (b"connection:", b"keep-alive:", b"proxy-connection:")
_Result = TypeVar("_Result")


class Door:
    """Listens on a host and port, and passes each connection on to a port on loopback.

    Args:
        host: to listen on.
        port: to listen on.
        behind: TorchServe's inference port.
    """

    def __init__(self, host: str, port: int, behind: int) -> None:
        self._host, self._port, self._behind = host, port, behind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="door", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen.

        Raises:
            ServerError: the port is taken.
        """
        self._thread.start()
        try:
            self._server = self._run(
                asyncio.start_server(
                    self._accepted, self._host, self._port, limit=_HEAD_BYTES, backlog=512
                )
            )
        except OSError as error:
            self.close(0)
            raise ServerError(f"Cannot listen on {self._host}:{self._port}: {error}.") from error

    def close(self, within_s: float) -> int:
        """Refuse new connections, wait for the open ones; safe to repeat.

        Args:
            within_s: how long they have; what is still open then is cut off.

        Returns:
            How many were cut off.
        """
        if self._loop.is_closed():
            return 0
        try:
            return self._run(self._closed(within_s))
        except BaseException:
            self._run(self._closed(0))
            raise
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @property
    def connections(self) -> int:
        """That are open."""
        return len(self._open)

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _closed(self, within_s: float) -> int:
        if self._server is not None:
            self._server.close()
        late: set[asyncio.Task[None]] = set()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)

    def _accepted(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(client, answer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
                await self._pass(client, answer)
        finally:
            answer.close()
            with suppress(OSError):
                await answer.wait_closed()

    async def _pass(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(client.readuntil(b"\r\n\r\n"), _HEAD_TIMEOUT_S)
        theirs, ours = await asyncio.open_connection(LOOPBACK, self._behind)
        try:
            ours.write(_closing(head))
            # Either side's end is the end of both: a client that is gone costs a stream no more
            # work only if TorchServe gets to know.
            up = asyncio.ensure_future(_pump(client, ours))
            down = asyncio.ensure_future(_answer(theirs, answer))
            try:
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in (up, down):
                    way.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
            if not answer.is_closing():
                # TorchServe may answer before it has read all, as when that is too much. Closed
                # at once, with bytes unread, the connection would be reset and the answer lost.
                answer.write_eof()
                await asyncio.wait_for(_discard(client), _LINGER_S)
        finally:
            ours.close()


async def _answer(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """TorchServe says keep-alive of a streamed answer whatever it was asked."""
    head = await source.readuntil(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 1"):
        sink.write(head)
        head = await source.readuntil(b"\r\n\r\n")
    sink.write(_closing(head))
    await _pump(source, sink)


def _closing(head: bytes) -> bytes:
    """A head with `Connection: close` instead of whatever it says of the connection."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(_HOP_BY_HOP)]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE_BYTES):
        sink.write(piece)
        await sink.drain()


async def _discard(source: asyncio.StreamReader) -> None:
    while await source.read(_PIECE_BYTES):
        pass
