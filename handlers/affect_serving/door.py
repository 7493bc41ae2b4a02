"""The port that clients connect to, where TorchServe itself stays on loopback behind it.

TorchServe 0.12.0 cannot stop listening and go on answering: told to end it drops what it has. It
takes a hundred clips however long they will wait, and refuses others without a word of when to come
again. So this process listens, refuses at once what would not be answered in time, passes on
the rest, answers for TorchServe while that is started again, and on closing refuses new
connections while those that are open get their answers. A connection carries one request
(both sides are told `Connection: close`), so one that is open is one that is owed an answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from affect_serving.admission import Admission
from affect_serving.passage import Passage, turned_away
from affect_serving.processes import ServerError

_HEAD_BYTES: Final = 64 << 10
_MOST_CONNECTIONS: Final = 400
"""Each takes two of the descriptors that a process may have, often 1024."""
_MOST_REFUSED: Final = 400
"""That are told so in peace: what they send is read, so that they get to read it."""
_Result = TypeVar("_Result")


class Door:
    """Listens on a host and port, and passes each connection on to a port on loopback.

    Args:
        host: to listen on.
        port: to listen on.
        behind: TorchServe's inference port.
        within_s: a clip that would not be answered within so many seconds is refused.
        at_most: clips inside at once.
    """

    def __init__(
        self, host: str, port: int, behind: int, within_s: float = 600.0, at_most: int = 64
    ) -> None:
        self._host, self._port, self._behind = host, port, behind
        self._admission = Admission(within_s, at_most)
        self._passages: set[Passage] = set()
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

    def break_off(self, *, live: bool) -> None:
        """Refuse what a worker had that has died: TorchServe forgets some of it for ever.

        What waits for the next worker is refused too. All of it can be sent again.

        Args:
            live: the worker of the live sessions, else that of the clips.
        """

        def each() -> None:
            for passage in self._passages:
                passage.break_off(live=live)

        self._loop.call_soon_threadsafe(each)

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
        # Or what a client has not read, or goes on sending, would be waited for.
        for passage in self._passages:
            passage.cut_off()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)

    def _accepted(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        if len(self._passages) >= _MOST_CONNECTIONS + _MOST_REFUSED:
            answer.write(turned_away())
            answer.close()
            return
        passage = Passage(client, answer, self._behind, self._admission)
        full = len(self._passages) >= _MOST_CONNECTIONS
        self._passages.add(passage)
        task = self._loop.create_task(passage.run(full=full))
        self._open.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._open.discard(task)
            self._passages.discard(passage)
            # Where the task was cancelled before it had begun, nobody else does.
            answer.close()

        task.add_done_callback(ended)
