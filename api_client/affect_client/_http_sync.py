"""The synchronous client's I/O: attempts over an httpx.Client, until one is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import httpx

from affect_client import _http
from affect_client._answers import NDJSON, Answer, Head, require_media_type, require_ok
from affect_client._calls import Call, Core, Waits
from affect_client._requests import Request
from affect_client.errors import AffectError, ClientClosedError, SettingsError
from affect_client.events import EventParser, StreamEvent

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer that has begun."""

    head: Head
    chunks: Iterator[bytes]
    """Of its body, decompressed; raises `AffectError`."""


class Transport:
    """Connections of one client.

    Args:
        core: decides.
        client: given by the caller, who also closes it; None: an own one.
        max_connections: of an own one.
    """

    def __init__(self, core: Core, client: httpx.Client | None, max_connections: int) -> None:
        self._core = core
        self._is_own = client is None
        if client is not None and not isinstance(client, httpx.Client):
            raise SettingsError("http_client must be an httpx.Client.")
        self._client = client or httpx.Client(limits=_http.limits(max_connections))

    def close(self) -> None:
        """Close what is our own."""
        if self._is_own:
            self._client.close()

    def fetch(self, request: Request, parse: Callable[[Answer], _Result]) -> _Result:
        """The answer to a request, tried as often as the policy allows.

        Raises:
            AffectError: the last attempt's.
        """
        with self._core.call(request) as call:
            while True:
                try:
                    with self._attempt(call) as incoming:
                        return parse(_read(call, incoming))
                except AffectError as error:
                    delay_s = call.delay_after(error)
                    if delay_s is None:
                        raise
                time.sleep(delay_s)

    def events(self, request: Request) -> Generator[StreamEvent, None, None]:
        """The events that answer a request; tried again only until they begin.

        Raises:
            AffectError: the last attempt's.
        """
        with self._core.call(request) as call:
            while True:
                begun = False
                try:
                    with self._attempt(call) as incoming:
                        if incoming.head.status != 200:
                            require_ok(_read(call, incoming))
                        require_media_type(incoming.head, NDJSON)
                        begun = True
                        yield from _parsed(call, incoming)
                        return
                except AffectError as error:
                    delay_s = None if begun else call.delay_after(error)
                    if delay_s is None:
                        raise
                time.sleep(delay_s)

    @contextmanager
    def _attempt(self, call: Call) -> Iterator[Incoming]:
        """Send the request once; the connection is free again or closed afterwards.

        Raises:
            AffectError: no answer began.
        """
        if self._client.is_closed:
            raise ClientClosedError(f"The client is closed. {ClientClosedError.advice}")
        request, waits = call.request, call.waits()
        body = None if request.body is None else request.body.chunks(request.on_upload)
        with closing(body) if body is not None else nullcontext():
            content = None if body is None else map(call.sent, body)
            response = self._begin(request, waits, content)
            with closing(response), closing(_chunks(response, request)) as chunks:
                yield Incoming(_http.begun(response, waits), chunks)

    def _begin(
        self, request: Request, waits: Waits, content: Iterator[bytes] | None
    ) -> httpx.Response:
        try:
            built = self._client.build_request(**_http.sending(request, waits, content))
            return self._client.send(built, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _http.translated(error, request, has_begun=False) from error


def _chunks(response: httpx.Response, request: Request) -> Generator[bytes, None, None]:
    try:
        yield from response.iter_bytes()
    except httpx.HTTPError as error:
        raise _http.translated(error, request, has_begun=True) from error


def _read(call: Call, incoming: Incoming) -> Answer:
    chunks: list[bytes] = []
    for chunk in incoming.chunks:
        chunks.append(chunk)
        if not call.received_whole(incoming.head, chunk):
            break
    return Answer(incoming.head, b"".join(chunks))


def _parsed(call: Call, incoming: Incoming) -> Generator[StreamEvent, None, None]:
    parser = EventParser(incoming.head)
    for chunk in incoming.chunks:
        call.received(incoming.head, chunk)
        yield from parser.feed(chunk)
    yield from parser.finish()
