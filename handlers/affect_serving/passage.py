"""One connection through the door: one request to TorchServe, and its answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from affect_client import wire
from affect_serving.addresses import LOOPBACK
from affect_serving.admission import Admission
from affect_serving.front_end import ENDED, TOO_LARGE, problem_of
from affect_serving.held import PIECE_BYTES, held, is_stream, may_be_held
from affect_serving.http_heads import END, BodyEnd, Head, answer_of

_HEAD_TIMEOUT_S: Final = 30.0
_PIECE_TIMEOUT_S: Final = 60.0
"""The longest wait for the next piece of an upload, and for a client to take one of an answer."""
_LINGER_S: Final = 30.0
_FORGOTTEN_S: Final = 2000.0
"""A worker has answered by then, or been killed (`responseTimeout`)."""
_AGAIN_S: Final = 0.2
_LINGER_PIECE_S: Final = 2.0
_ERROR_BYTES: Final = 64 << 10
MOST_BYTES: Final = 256 << 20
"""`max_request_size` of config.properties. TorchServe refuses more while it is sent, and the
connection that this breaks may lose what it says."""
_RETRY_S: Final = 5
"""For what passes by itself: a worker or TorchServe is being started again."""
_BUSY: Final = wire.Problem.of(
    "overloaded", "More clips wait here than can be answered in time. Ask again after Retry-After."
)
_UNREADABLE: Final = wire.Problem.of(
    "bad_request",
    "This request's head can be read in more ways than one: line feeds alone, folded lines, blanks "
    "before a colon, or two lengths.",
)
_AWAY: Final = wire.Problem.of(
    "overloaded", "The service is starting. Ask again after Retry-After."
)
_LEFT: Final = (OSError, EOFError, TimeoutError, asyncio.TimeoutError, asyncio.LimitOverrunError)


class RefusedError(Exception):
    """A request gets a problem from the door itself; 503 with `Retry-After`."""

    def __init__(
        self, problem: wire.Problem, retry_after_s: int = _RETRY_S, request_id: bytes = b""
    ) -> None:
        super().__init__(problem.detail)
        lines = [b"X-Request-Id: " + request_id] if request_id else []
        if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(b"Retry-After: %d" % retry_after_s)
        self.answer = answer_of(problem, *lines)


class Passage:
    """A client's request on its way in, and the answer on its way out.

    A clip is let in when the upload is whole. So one that is still on its way takes nobody's
    place, however slowly it comes.

    Args:
        client: reads from the client.
        answer: writes to it.
        behind: TorchServe's inference port.
        admission: counts clips.
    """

    def __init__(
        self,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        behind: int,
        admission: Admission,
    ) -> None:
        self._client, self._answer = client, answer
        self._behind = behind
        self._admission = admission
        self._broken = asyncio.get_running_loop().create_future()
        self._is_clip = False
        self._inside = False
        self._whole = False
        self._begun = False
        self._gone = False

    async def run(self, *, full: bool) -> None:
        """From the first byte to the last; nothing of either side's failures comes out.

        Args:
            full: there are as many connections as there may be.
        """
        try:
            with suppress(*_LEFT):
                await self._pass(full=full)
        finally:
            self._leave()
            self._answer.close()
            try:
                # A client that has stopped reading would keep this one for as long as it lives.
                with suppress(*_LEFT):
                    await asyncio.wait_for(self._answer.wait_closed(), _LINGER_S)
            finally:
                self.cut_off()

    def cut_off(self) -> None:
        """Let go of the client at once, whatever it has not read."""
        self._answer.transport.abort()

    def break_off(self, *, live: bool) -> None:
        """Whoever had this request is gone, and no answer will come.

        Args:
            live: it was the worker of the live sessions, else that of the clips.
        """
        if self._whole and live is not self._is_clip and not self._broken.done():
            self._broken.set_result(None)

    async def _pass(self, *, full: bool) -> None:
        head = Head(await asyncio.wait_for(self._client.readuntil(END), _HEAD_TIMEOUT_S))
        self._is_clip = _is_clip(head)
        try:
            self._check(head, full=full)
            await self._exchange(head)
        except RefusedError as refused:
            if not (self._begun or self._gone):
                self._answer.write(refused.answer)
        if not self._answer.is_closing() and not self._gone:
            # The answer may come before all was read. Closed at once, with bytes unread, the
            # connection would be reset and the answer lost.
            self._answer.write_eof()
            await self._discard()

    def _check(self, head: Head, *, full: bool) -> None:
        if not head.is_plain:
            raise RefusedError(_UNREADABLE)
        length = head.header(b"content-length")
        if length.isdigit() and int(length[:20]) > MOST_BYTES:
            raise RefusedError(TOO_LARGE)
        self._check_places(full=full)

    def _check_places(self, *, full: bool = False) -> None:
        retry_after_s = _RETRY_S if full else None
        if self._is_clip and not full:
            retry_after_s = self._admission.refusal()
        if retry_after_s is not None:
            raise RefusedError(_BUSY, retry_after_s)

    def _enter(self) -> None:
        self._whole = True
        if self._is_clip:
            self._check_places()
            self._admission.enter()
            self._inside = True

    def _leave(self) -> None:
        if self._inside:
            self._admission.leave(answered=self._begun)
            self._inside = False

    async def _exchange(self, head: Head) -> None:
        try:
            theirs, ours = await asyncio.open_connection(LOOPBACK, self._behind)
        except OSError:
            raise RefusedError(_AWAY) from None
        up = asyncio.ensure_future(self._upload(head, ours))
        down = asyncio.ensure_future(self._download(theirs))
        try:
            await asyncio.wait((up, down, self._broken), return_when=asyncio.FIRST_COMPLETED)
            if up.done() and not down.done():
                with suppress(*_LEFT):
                    up.result()
                # The client has left. TorchServe gets to know where that frees its worker: of a
                # stream. What else it has it works on to the end, and so long that is counted.
                self._gone = True
                if self._inside and not self._begun:
                    await asyncio.wait(
                        (down, self._broken),
                        timeout=_FORGOTTEN_S,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
            if down.done():
                with suppress(*_LEFT):
                    down.result()
            if not self._begun:
                raise RefusedError(ENDED)
        finally:
            # Closed first: whoever ends this passage may do so while it waits for the two.
            ours.close()
            await _cancelled(up, down)

    async def _upload(self, head: Head, ours: asyncio.StreamWriter) -> None:
        body = BodyEnd(head)
        if body.reached:
            self._enter()
        try:
            ours.write(head.closing())
            while piece := await self._next(body):
                own, whole = body.take(piece)
                if whole:
                    self._enter()
                # Another request may follow: a connection carries one.
                ours.write(own)
                await ours.drain()
        except ConnectionError:
            # Either side's. TorchServe may have answered before it has read all.
            await self._discard()

    async def _next(self, body: BodyEnd) -> bytes:
        wait_s = None if body.reached else _PIECE_TIMEOUT_S
        return await asyncio.wait_for(self._client.read(PIECE_BYTES), wait_s)

    async def _download(self, theirs: asyncio.StreamReader) -> None:
        head = Head(await theirs.readuntil(END))
        while 100 <= head.status < 200:
            self._answer.write(head.data)
            head = Head(await theirs.readuntil(END))
        if _may_be_front_ends(head):
            await self._explain(head, theirs)
            return
        first = await held(head, theirs) if may_be_held(head) else b""
        self._begun = True
        if self._gone:
            return
        # TorchServe says keep-alive of a streamed answer whatever it was asked.
        self._answer.write(head.closing() + first)
        if not is_stream(head):
            self._leave()  # it is worked out, however slowly it is taken
        while piece := await theirs.read(PIECE_BYTES):
            self._answer.write(piece)
            await asyncio.wait_for(self._answer.drain(), _PIECE_TIMEOUT_S)

    async def _explain(self, head: Head, theirs: asyncio.StreamReader) -> None:
        """TorchServe's own refusals say neither in the contract's words why, nor when to come."""
        try:
            body = await theirs.readexactly(int(head.header(b"content-length")))
        except asyncio.IncompleteReadError as ended:
            body = ended.partial  # none comes after HEAD
        problem = problem_of(head.status, body)
        if problem is not None:
            raise RefusedError(problem, request_id=head.header(b"x-request-id"))
        self._begun = True
        passing = head.status in {503, 507}
        self._answer.write(head.closing(*[b"Retry-After: %d" % _RETRY_S] * passing) + body)

    async def _discard(self) -> None:
        until_s = asyncio.get_running_loop().time() + _LINGER_S
        while await asyncio.wait_for(self._client.read(PIECE_BYTES), _LINGER_PIECE_S):
            if asyncio.get_running_loop().time() > until_s:
                return


def turned_away() -> bytes:
    """The answer to one connection too many."""
    return RefusedError(_BUSY).answer


async def _cancelled(*ways: asyncio.Task[None]) -> None:
    """Cancel until they have ended: up to 3.11 `wait_for` may keep a cancellation to itself."""
    waiting = set(ways)
    while waiting:
        for way in waiting:
            way.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_AGAIN_S)
    await asyncio.gather(*ways, return_exceptions=True)


def _may_be_front_ends(head: Head) -> bool:
    """A short error that is no problem of a worker's."""
    length, media_type = head.header(b"content-length"), head.header(b"content-type")
    return (
        head.status >= 400
        and not media_type.startswith(wire.PROBLEM_MEDIA_TYPE.encode())
        and length.isdigit()
        and int(length) <= _ERROR_BYTES
    )


def _is_clip(head: Head) -> bool:
    """What may be work for the clips' worker; live sessions have one, and places, of their own."""
    method, path = head.method_and_path
    model = path.removeprefix(b"/predictions/").partition(b"/")[0]
    # TorchServe predicts whatever the method, OPTIONS left out.
    works = method not in {b"GET", b"HEAD", b"OPTIONS"} or not BodyEnd(head).reached
    return works and not model.endswith(b"-live")
