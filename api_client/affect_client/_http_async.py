"""The asynchronous client's I/O: `_http_sync` over an httpx.AsyncClient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import httpx

from affect_client import _http
from affect_client._answers import NDJSON, Answer, Head, require_media_type, require_ok
from affect_client._body_async import body_chunks
from affect_client._calls import Call, Core, Waits
from affect_client._many import AsCompleted, ClipOutcome
from affect_client._many_async import run_in_tasks
from affect_client._requests import Request
from affect_client.errors import AffectError, ClientClosedError, SettingsError
from affect_client.events import EventParser, StreamEvent
from affect_client.results import AffectResult
from affect_client.uploads import ClipSource

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer that has begun."""

    head: Head
    chunks: AsyncIterator[bytes]
    """Of its body, decompressed; raises `AffectError`."""


class Transport:
    """Connections of one client.

    Args:
        core: decides.
        client: given by the caller, who also closes it; None: an own one.
        max_connections: of an own one.
    """

    def __init__(self, core: Core, client: httpx.AsyncClient | None, max_connections: int) -> None:
        self._core = core
        self._is_own = client is None
        if client is not None and not isinstance(client, httpx.AsyncClient):
            raise SettingsError("http_client must be an httpx.AsyncClient.")
        self._client = client or httpx.AsyncClient(limits=_http.limits(max_connections))

    async def close(self) -> None:
        """Close what is our own."""
        if self._is_own:
            await self._client.aclose()

    async def fetch(self, request: Request, parse: Callable[[Answer], _Result]) -> _Result:
        """The answer to a request, tried as often as the policy allows.

        Raises:
            AffectError: the last attempt's.
        """
        with self._core.call(request) as call:
            while True:
                try:
                    async with self._attempt(call) as incoming:
                        return parse(await _read(call, incoming))
                except AffectError as error:
                    delay_s = call.delay_after(error)
                    if delay_s is None:
                        raise
                await asyncio.sleep(delay_s)

    async def events(self, request: Request) -> AsyncGenerator[StreamEvent, None]:
        """The events that answer a request; tried again only until they begin.

        Raises:
            AffectError: the last attempt's.
        """
        with self._core.call(request) as call:
            while True:
                begun = False
                try:
                    async with self._attempt(call) as incoming:
                        if incoming.head.status != 200:
                            require_ok(await _read(call, incoming))
                        require_media_type(incoming.head, NDJSON)
                        begun = True
                        async with aclosing(_parsed(call, incoming)) as events:
                            async for event in events:
                                yield event
                        return
                except AffectError as error:
                    delay_s = None if begun else call.delay_after(error)
                    if delay_s is None:
                        raise
                await asyncio.sleep(delay_s)

    def many(
        self,
        predict: Callable[[ClipSource], Awaitable[AffectResult]],
        clips: Iterable[ClipSource],
        order: AsCompleted,
    ) -> AsyncGenerator[ClipOutcome, None]:
        """Outcomes of clips; see `run_in_tasks`."""
        return run_in_tasks(predict, clips, order)

    @asynccontextmanager
    async def _attempt(self, call: Call) -> AsyncIterator[Incoming]:
        """Send the request once; the connection is free again or closed afterwards.

        Raises:
            AffectError: no answer began.
        """
        if self._client.is_closed:
            raise ClientClosedError(f"The client is closed. {ClientClosedError.advice}")
        request, waits = call.request, call.waits()
        body = None if request.body is None else body_chunks(request.body, request.on_upload)
        async with aclosing(body) if body is not None else nullcontext():
            content = None if body is None else (call.sent(chunk) async for chunk in body)
            response = await self._begin(request, waits, content)
            async with aclosing(response), aclosing(_chunks(response, request)) as chunks:
                yield Incoming(_http.begun(response, waits), chunks)

    async def _begin(
        self, request: Request, waits: Waits, content: AsyncIterator[bytes] | None
    ) -> httpx.Response:
        try:
            built = self._client.build_request(**_http.sending(request, waits, content))
            return await self._client.send(built, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _http.translated(error, request, has_begun=False) from error


async def _chunks(response: httpx.Response, request: Request) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except httpx.HTTPError as error:
        raise _http.translated(error, request, has_begun=True) from error


async def _read(call: Call, incoming: Incoming) -> Answer:
    chunks: list[bytes] = []
    async for chunk in incoming.chunks:
        chunks.append(chunk)
        if not call.received_whole(incoming.head, chunk):
            break
    return Answer(incoming.head, b"".join(chunks))


async def _parsed(call: Call, incoming: Incoming) -> AsyncGenerator[StreamEvent, None]:
    parser = EventParser(incoming.head)
    async for chunk in incoming.chunks:
        call.received(incoming.head, chunk)
        for event in parser.feed(chunk):
            yield event
    for event in parser.finish():
        yield event
