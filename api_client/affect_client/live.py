"""Live sessions: frames as they come, faces with arousal and valence now.

The server keeps a session's tracks, its primary face and the model's state from request to
request, so the numbers are those of one clip posted whole. It forgets a session that sends
nothing for a while; the next send then meets `UnknownSessionError`.

A send whose answer was lost is not sent again: the server may have taken it, and would refuse the
same times. Only what surely never reached it is tried again, and the first send of a session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType

from affect_client._answers import Answer
from affect_client._requests import Request
from affect_client._session import SessionState
from affect_client.errors import AffectError
from affect_client.pictures import Picture
from affect_client.refusals import UnknownSessionError
from affect_client.uploads import ClipSource
from affect_client.wire import Frame, LiveAnswer

_Fetch = Callable[[Request, Callable[[Answer], LiveAnswer]], LiveAnswer]
_AsyncFetch = Callable[[Request, Callable[[Answer], LiveAnswer]], Awaitable[LiveAnswer]]


class LiveSession:
    """One session; made by `AffectClient.live`, used in a `with` block, by one thread at a time.

    Its frames are in the order in which they are sent, and their times must increase.
    """

    def __init__(self, fetch: _Fetch, state: SessionState) -> None:
        self._fetch = fetch
        self._state = state

    @property
    def name(self) -> str:
        """The session's, as the server knows it."""
        return self._state.name

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except AffectError:
            # What went wrong before says more, and the server ends the session by itself.
            if exc is None:
                raise

    def send(self, picture: Picture, *, time_s: float | None = None) -> Frame:
        """The faces in one picture, with arousal and valence.

        Args:
            picture: JPEG or PNG bytes, or an array; see `pictures`.
            time_s: seconds since the session's first frame, say; greater than all before.
                None: 1 / fps after the frame before, from 0.

        Raises:
            AffectError: one of its kinds; see the module.
        """
        times_s = None if time_s is None else [time_s]
        return self._state.frame_answered(self.send_frames([picture], times_s=times_s))

    def send_frames(
        self, pictures: Sequence[Picture], *, times_s: Sequence[float] | None = None
    ) -> LiveAnswer:
        """The same for several pictures at once; one entry of `frames` for each."""
        return self._exchange(self._state.frames(pictures, times_s))

    def send_clip(self, clip: ClipSource, *, start_s: float | None = None) -> LiveAnswer:
        """A short clip, sampled as the session's `fps` says.

        Args:
            clip: path, bytes or binary file object.
            start_s: time of its first frame in the session; None: 1 / fps after the last sample.
        """
        return self._state.clip_answered(self._exchange(self._state.clip(clip, start_s)))

    def close(self) -> None:
        """End the session. Safe to repeat."""
        request = self._state.end()
        if request is not None:
            # A session that the server has forgotten has ended.
            with suppress(UnknownSessionError):
                self._exchange(request)

    def _exchange(self, request: Request) -> LiveAnswer:
        try:
            return self._fetch(request, self._state.answered)
        except AffectError as error:
            self._state.failed(error)
            raise


class AsyncLiveSession:
    """`LiveSession` for asyncio; used in an `async with` block, by one task at a time."""

    def __init__(self, fetch: _AsyncFetch, state: SessionState) -> None:
        self._fetch = fetch
        self._state = state

    @property
    def name(self) -> str:
        """The session's, as the server knows it."""
        return self._state.name

    async def __aenter__(self) -> AsyncLiveSession:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except AffectError:
            if exc is None:
                raise

    async def send(self, picture: Picture, *, time_s: float | None = None) -> Frame:
        """See `LiveSession.send`."""
        times_s = None if time_s is None else [time_s]
        return self._state.frame_answered(await self.send_frames([picture], times_s=times_s))

    async def send_frames(
        self, pictures: Sequence[Picture], *, times_s: Sequence[float] | None = None
    ) -> LiveAnswer:
        """See `LiveSession.send_frames`."""
        return await self._exchange(self._state.frames(pictures, times_s))

    async def send_clip(self, clip: ClipSource, *, start_s: float | None = None) -> LiveAnswer:
        """See `LiveSession.send_clip`."""
        return self._state.clip_answered(await self._exchange(self._state.clip(clip, start_s)))

    async def close(self) -> None:
        """End the session. Safe to repeat."""
        request = self._state.end()
        if request is not None:
            with suppress(UnknownSessionError):
                await self._exchange(request)

    async def _exchange(self, request: Request) -> LiveAnswer:
        try:
            return await self._fetch(request, self._state.answered)
        except AffectError as error:
            self._state.failed(error)
            raise
