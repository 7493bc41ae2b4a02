"""Where the server is, who asks, and how long to wait: argument, then environment, then default."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final
from urllib.parse import SplitResult, urlsplit

from affect_client.errors import SettingsError

BASE_URL_VARIABLE: Final = "AFFECT_BASE_URL"
API_KEY_VARIABLE: Final = "AFFECT_API_KEY"
DEFAULT_BASE_URL: Final = "http://127.0.0.1:8080"
"""Where `make serve` answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The longest waits, in seconds, each for one thing.

    TorchServe sends nothing before an answer is ready, which for a long clip on a slow machine
    takes minutes. So the wait for an answer to begin is long, and the waits within one that has
    begun are short. All waits of a call together end with `RetryPolicy.deadline_s`.

    Raises:
        SettingsError: a wait that is not a positive, finite number.
    """

    connect_s: float = 5.0
    """For a connection."""
    write_s: float = 30.0
    """For the server to take the next piece of an upload (64 KiB)."""
    read_s: float = 30.0
    """For the next piece of an answer that has begun, and for `health`, `models` and `metrics`."""
    pool_s: float = 60.0
    """For a connection of this client to become free."""
    answer_s: float = 1890.0
    """For the answer of `predict`, `stream` and `describe` to begin: beyond the 1860 s after
    which TorchServe itself gives up on a batch."""
    stream_s: float = 120.0
    """For the next event of a stream; the server may work on other clips in between."""
    live_s: float = 60.0
    """For the answer to what a live session sent."""

    def __post_init__(self) -> None:
        for each in fields(self):
            require_positive(f"Timeouts.{each.name}", getattr(self, each.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where to ask and with which key; made by `resolve`."""

    base_url: str
    """Of predictions and `/ping`, without a slash at its end."""
    management_url: str | None
    """Of `/models`; None where it is not known."""
    metrics_url: str | None
    """Where Prometheus scrapes, path and all; None where it is not known."""
    api_key: str | None = field(repr=False)

    @classmethod
    def resolve(
        cls,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        management_url: str | None = None,
        metrics_url: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Settings:
        """Each from its argument, else from the environment, else by default.

        TorchServe's management and metrics ports are by default the two after the inference
        port. They are taken from `base_url` only where that is plain: http, a port, no path.
        Behind a gateway there is no telling, and they must be given.

        Raises:
            SettingsError: not an http(s) URL, one with a key in it, or a key that no header holds.
        """
        named = "base_url" if base_url is not None else BASE_URL_VARIABLE
        chosen = base_url or environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
        parts = _checked(chosen, named)
        neighbours = parts.scheme == "http" and parts.port is not None and not parts.path.strip("/")
        if neighbours and management_url is None:
            management_url = f"http://{_at_port(parts, 1)}"
        if neighbours and metrics_url is None:
            metrics_url = f"http://{_at_port(parts, 2)}/metrics"
        for name, url in (("management_url", management_url), ("metrics_url", metrics_url)):
            if url is not None:
                _checked(url, name)
        key = environ.get(API_KEY_VARIABLE) if api_key is None else api_key
        if key and not (key.isascii() and key.isprintable() and key == key.strip()):
            source = API_KEY_VARIABLE if api_key is None else "api_key"
            raise SettingsError(f"{source} holds characters that no HTTP header can hold.")
        return cls(
            base_url=chosen.rstrip("/"),
            management_url=None if management_url is None else management_url.rstrip("/"),
            metrics_url=metrics_url,
            api_key=key or None,
        )

    def key_for(self, url: str) -> str | None:
        """The key, where `url` is of the same scheme, host and port as `base_url`.

        Management and metrics are other services than the one that the key was made for.
        """
        ours, theirs = urlsplit(self.base_url), urlsplit(url)
        same = (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
        return self.api_key if same else None


def require_positive(name: str, value: float) -> None:
    """Refuse what is no positive, finite number.

    Raises:
        SettingsError: with the name and the value.
    """
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{name} is {value!r}; it must be a positive, finite number.")


def _checked(url: str, name: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one = False
    if not port_is_one or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is {url!r}; it must look like {DEFAULT_BASE_URL}.")
    if "@" in parts.netloc:
        # Not echoed: it may be a password.
        raise SettingsError(f"{name} has a user or password in it; use api_key instead.")
    if parts.query or parts.fragment:
        raise SettingsError(f"{name} is {url!r}; it must end before any '?' or '#'.")
    return parts


def _at_port(parts: SplitResult, offset: int) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{(parts.port or 0) + offset}"
