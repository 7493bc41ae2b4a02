"""What both transports share: httpx's words into ours and back. The first client imports httpx."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Final, TypedDict

import httpx

from affect_client._answers import Head
from affect_client._calls import Waits
from affect_client._requests import Request
from affect_client.errors import (
    AffectError,
    AnswerTimeoutError,
    BrokenAnswerError,
    ConnectionLostError,
    ConnectTimeoutError,
    NotAffectlineError,
    PoolTimeoutError,
    SettingsError,
    StalledError,
    UnreachableError,
    UploadTimeoutError,
)

KEEPALIVE_S: Final = 5.0
"""Idle connections are closed before servers do it: a request on one that is just being closed
is lost, and may then not be sent again."""
_HUNG_UP: Final = ("disconnected", "closed connection")
"""In h11's and httpcore's words on a peer that is gone; other words are on one that babbles."""


class Sending(TypedDict):
    """Arguments of `build_request`, which httpx's two clients share."""

    method: str
    url: str
    headers: dict[str, str]
    content: AsyncIterable[bytes] | Iterable[bytes] | None
    timeout: httpx.Timeout


def sending(
    request: Request, waits: Waits, content: AsyncIterable[bytes] | Iterable[bytes] | None
) -> Sending:
    """A request as httpx builds it."""
    return Sending(
        method=request.method,
        url=request.url,
        headers=dict(request.headers),
        content=content,
        timeout=httpx.Timeout(
            connect=waits.connect_s, read=waits.begin_s, write=waits.write_s, pool=waits.pool_s
        ),
    )


def limits(max_connections: int) -> httpx.Limits:
    """Of a pool."""
    return httpx.Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=KEEPALIVE_S,
    )


def begun(response: httpx.Response, waits: Waits) -> Head:
    """The head of an answer whose body follows; from here the shorter wait holds.

    httpx has one wait for both. It travels with the request as a dictionary, which the connection
    reads again when the body is read.
    """
    response.request.extensions["timeout"]["read"] = waits.go_on_s
    return Head(
        url=str(response.request.url),
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
    )


def translated(
    error: httpx.HTTPError | httpx.InvalidURL, request: Request, *, has_begun: bool
) -> AffectError:
    """An error of httpx as ours."""
    kind: type[AffectError]
    match error:
        case httpx.ConnectTimeout():
            kind, what = ConnectTimeoutError, "gives no connection in time"
        case httpx.PoolTimeout():
            kind, what = PoolTimeoutError, "must wait: all connections of this client are busy"
        case httpx.WriteTimeout():
            kind, what = UploadTimeoutError, "takes nothing more of the upload"
        case httpx.ReadTimeout() if has_begun:
            kind, what = StalledError, "has begun to answer and stands still"
        case httpx.ReadTimeout():
            kind, what = AnswerTimeoutError, "has not begun to answer in time"
        case httpx.ConnectError() | httpx.ProxyError():
            kind, what = UnreachableError, f"gives no connection: {_reason(error)}"
        case httpx.RemoteProtocolError() if not any(sign in str(error) for sign in _HUNG_UP):
            kind, what = NotAffectlineError, f"does not speak HTTP/1.1: {_reason(error)}"
        case httpx.DecodingError():
            kind, what = BrokenAnswerError, "sent an answer that cannot be decompressed"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            kind, what = SettingsError, f"cannot be asked that: {_reason(error)}"
        case _:
            when = "within its answer" if has_begun else "before it answered"
            kind, what = ConnectionLostError, f"broke the connection {when}"
    made = kind(f"{request.url} {what}. {kind.advice}")
    if isinstance(made, ConnectionLostError):
        made.begun = has_begun
    return made


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__
