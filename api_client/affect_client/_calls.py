"""One call of a client: its attempts, its deadline, what it moved. Whoever drives it does the I/O.

The synchronous and the asynchronous client differ in how they wait; everything that they decide is
here, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import random as random_number
from types import TracebackType

from affect_client._answers import Head
from affect_client._requests import Request, Requests
from affect_client.errors import (
    AffectError,
    BrokenAnswerError,
    DeadlineError,
    WaitError,
)
from affect_client.instrumentation import CallEvent, Observer, outcome_of
from affect_client.retries import BeforeRetry, RetryEvent, RetryPolicy, may_retry
from affect_client.settings import Settings, Timeouts


@dataclass(frozen=True, slots=True)
class Waits:
    """The longest waits of one attempt, seconds; none goes beyond the call's deadline."""

    connect_s: float
    write_s: float
    begin_s: float
    go_on_s: float
    pool_s: float


@dataclass(frozen=True, slots=True)
class Core:
    """What a client is made of, but for its connections."""

    requests: Requests
    policy: RetryPolicy
    before_retry: BeforeRetry | None
    observer: Observer | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        timeouts: Timeouts | None,
        policy: RetryPolicy | None,
        before_retry: BeforeRetry | None,
        observer: Observer | None,
    ) -> Core:
        """With the defaults for what is None."""
        requests = Requests(settings, timeouts or Timeouts())
        return cls(requests, policy or RetryPolicy(), before_retry, observer)

    def call(self, request: Request) -> Call:
        """A call that has just begun."""
        return Call(request, self)


class Call:
    """The state of one call; a context, whose end is what the observer hears.

    Args:
        request: what is asked.
        core: decides, and knows who is told.
        clock: seconds that never go back.
        random: a number in [0, 1).
    """

    def __init__(
        self,
        request: Request,
        core: Core,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_number,
    ) -> None:
        self.request = request
        self._timeouts = core.requests.timeouts
        self._policy = core.policy
        self._before_retry = core.before_retry
        self._observer = core.observer
        self._clock = clock
        self._random = random
        self._began_s = clock()
        self._retries = 0
        self._sent_bytes = 0
        self._received_bytes = 0
        self._answer_bytes = 0

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._observer is not None:
            event = CallEvent(
                operation=self.request.operation,
                outcome=outcome_of(exc),
                seconds=self._clock() - self._began_s,
                sent_bytes=self._sent_bytes,
                received_bytes=self._received_bytes,
            )
            self._observer.ended(event)

    def waits(self) -> Waits:
        """For the attempt that begins now.

        Raises:
            DeadlineError: there is no time for one.
        """
        self._answer_bytes = 0
        left_s = self._left_s()
        self._require_time(left_s)
        timeouts, request = self._timeouts, self.request
        return Waits(
            connect_s=min(timeouts.connect_s, left_s),
            write_s=min(timeouts.write_s, left_s),
            begin_s=min(request.begin_s, left_s),
            go_on_s=request.go_on_s,
            pool_s=min(timeouts.pool_s, left_s),
        )

    def sent(self, chunk: bytes) -> bytes:
        """Count a piece of the request, which is then sent.

        Raises:
            DeadlineError: a server that reads slowly would take for ever.
        """
        self._sent_bytes += len(chunk)
        self._require_time(self._left_s())
        return chunk

    def received(self, head: Head, chunk: bytes) -> bool:
        """Count a piece of an answer; whether to read on. Of a refusal the beginning will do.

        Raises:
            BrokenAnswerError: the answer is larger than any the server gives.
        """
        self._received_bytes += len(chunk)
        self._answer_bytes += len(chunk)
        if self._answer_bytes <= head.max_bytes:
            return True
        if head.status == 200:
            raise BrokenAnswerError(f"{head.url} answers with more than {head.max_bytes} bytes.")
        return False

    def received_whole(self, head: Head, chunk: bytes) -> bool:
        """The same for an answer that is wanted whole, and therefore before the deadline.

        Raises:
            BrokenAnswerError: as `received`.
            DeadlineError: the answer comes in too slowly.
        """
        self._require_time(self._left_s())
        return self.received(head, chunk)

    def delay_after(self, error: AffectError) -> float | None:
        """Seconds to wait before the next attempt, or None: raise the error.

        Raises:
            DeadlineError: instead of a wait that only the deadline has cut short.
            Exception: what `before_retry` raises.
        """
        left_s = self._left_s()
        if isinstance(error, WaitError) and not isinstance(error, DeadlineError) and left_s <= 0:
            self._require_time(left_s, error)
        if not may_retry(error, self.request.repeat):
            return None
        if self._retries >= self._policy.max_retries:
            error.note = f"Tried {self._retries + 1} time(s)."
            return None
        if self.request.body is not None and self.request.body.spent:
            error.note = "Not tried again: the clip's file cannot be read a second time."
            return None
        delay_s = self._policy.delay_s(self._retries + 1, error, self._random)
        if delay_s >= left_s:
            error.note = (
                f"Not tried again: the wait of {delay_s:.1f} s would end after the call's "
                f"deadline_s of {self._policy.deadline_s:g}."
            )
            return None
        self._retries += 1
        event = RetryEvent(self.request.operation, self._retries, delay_s, error)
        if self._observer is not None:
            self._observer.retrying(event)
        if self._before_retry is not None:
            self._before_retry(event)
        return delay_s

    def _left_s(self) -> float:
        return self._began_s + self._policy.deadline_s - self._clock()

    def _require_time(self, left_s: float, cause: AffectError | None = None) -> None:
        if left_s > 0:
            return
        raise DeadlineError(
            f"{self.request.operation} took more than deadline_s, {self._policy.deadline_s:g} s, "
            f"after {self._retries} retries. {DeadlineError.advice}"
        ) from cause
