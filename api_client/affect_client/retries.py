"""Which failures are tried again, after which wait, and until when. No clock or network here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Final

from affect_client.errors import (
    AffectError,
    ConnectionLostError,
    SettingsError,
    StatusError,
    UnreachableError,
)
from affect_client.settings import require_positive

RETRIED_STATUSES: Final = frozenset({408, 429, 502, 503, 504, 507})


class Repeat(Enum):
    """When sending a request again is safe."""

    ALWAYS = "always"
    """The server keeps nothing of it: whole answers, and streams that have not begun."""
    UNHEARD = "unheard"
    """It changes a session: only where it surely never reached the model."""
    NEVER = "never"
    """It asks how things are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, after which waits, and until when.

    A retry waits a random time up to a bound that doubles (`first_delay_s`, twice that, ... up
    to `max_delay_s`), so that clients that failed together do not come back together; where the
    server says `Retry-After`, no less than that.

    Raises:
        SettingsError: a number outside its range.
    """

    max_retries: int = 4
    """Further attempts after the first; 0 is none."""
    deadline_s: float = 3600.0
    """From the call to its answer (of a stream: to its beginning), all attempts and waits."""
    first_delay_s: float = 0.5
    """Bound of the first wait, seconds."""
    max_delay_s: float = 20.0
    """Largest bound, seconds."""

    def __post_init__(self) -> None:
        if self.max_retries < 0:
            raise SettingsError(f"max_retries is {self.max_retries!r}; it must be 0 or more.")
        require_positive("deadline_s", self.deadline_s)
        require_positive("first_delay_s", self.first_delay_s)
        require_positive("max_delay_s", self.max_delay_s)

    def delay_s(self, retry: int, error: AffectError, random: Callable[[], float]) -> float:
        """Seconds to wait before a retry.

        Args:
            retry: from 1.
            error: what the attempt before it met.
            random: gives a number in [0, 1).
        """
        # Beyond 2**60 a float overflows long before it would matter.
        bound = min(self.max_delay_s, self.first_delay_s * 2.0 ** min(retry - 1, 60))
        asked = error.retry_after_s if isinstance(error, StatusError) else None
        return max(bound * random(), asked or 0.0)


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """What a `before_retry` hook is told, before the wait."""

    operation: str
    """`predict`, `stream`, `live`, `models`, `describe` or `metrics`."""
    retry: int
    """From 1."""
    delay_s: float
    """The wait that follows."""
    error: AffectError
    """Why."""


BeforeRetry = Callable[[RetryEvent], None]
"""Called before each wait; what it raises ends the call."""


def may_retry(error: AffectError, repeat: Repeat) -> bool:
    """Whether a request that met `error` may be sent again.

    A connection that broke before an answer began is taken for one that could not be made: a
    server that restarts looks like both.
    """
    if repeat is Repeat.ALWAYS:
        if isinstance(error, StatusError):
            return error.status in RETRIED_STATUSES
        return isinstance(error, UnreachableError) or (
            isinstance(error, ConnectionLostError) and not error.begun
        )
    if repeat is Repeat.UNHEARD:
        # A rate limit is a gateway's, and it does not pass on what it limits. All else may come
        # from behind the model: TorchServe says 503 also where the handler has failed.
        limited = isinstance(error, StatusError) and error.status == 429
        return limited or isinstance(error, UnreachableError)
    return False


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from `now` that a `Retry-After` header asks for (RFC 9110, 10.2.3).

    None for no header and for one that says nothing; a date that has passed is 0.

    Args:
        value: seconds, or an HTTP date.
        now: with a time zone.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now: datetime) -> float | None:
    # Few servers send dates, and the package is a twentieth of importing this one.
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(date)
        # A date with the zone -0000 comes back without one; HTTP dates are in GMT.
        aware = when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
        return max(0.0, (aware - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
