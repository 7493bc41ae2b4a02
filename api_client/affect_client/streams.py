"""What `stream` gives: events once, from a connection that is closed with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from types import TracebackType

from affect_client.events import StreamEvent


class EventStream:
    """The events of one stream, once; made by `AffectClient.stream`."""

    def __init__(self, events: Generator[StreamEvent, None, None]) -> None:
        self._events = events

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def __enter__(self) -> EventStream:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, wherever the stream is. Safe to repeat."""
        self._events.close()


class AsyncEventStream:
    """`EventStream` for asyncio; made by `AsyncAffectClient.stream`."""

    def __init__(self, events: AsyncGenerator[StreamEvent, None]) -> None:
        self._events = events

    def __aiter__(self) -> AsyncEventStream:
        return self

    async def __anext__(self) -> StreamEvent:
        return await anext(self._events)

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, wherever the stream is. Safe to repeat."""
        await self._events.aclose()
