from __future__ import annotations

import pytest

from affect_client._answers import Head
from affect_client._calls import Call, Core
from affect_client._requests import Request
from affect_client.errors import (
    AnswerTimeoutError,
    BrokenAnswerError,
    DeadlineError,
    StalledError,
    UnreachableError,
)
from affect_client.instrumentation import CallEvent
from affect_client.refusals import UnavailableError
from affect_client.retries import Repeat, RetryEvent, RetryPolicy
from affect_client.settings import Settings, Timeouts

REQUEST = Request(
    operation="predict", url="http://h/p", begin_s=100, go_on_s=7, repeat=Repeat.ALWAYS
)


class Watch:
    def __init__(self) -> None:
        self.now = 1000.0
        self.ended_with: list[CallEvent] = []
        self.retries: list[RetryEvent] = []

    def retrying(self, event: RetryEvent) -> None:
        self.retries.append(event)

    def ended(self, event: CallEvent) -> None:
        self.ended_with.append(event)


def call_of(watch: Watch, **policy: float) -> Call:
    settings = Settings.resolve(environ={})
    timeouts = Timeouts(connect_s=5, write_s=6, pool_s=8)
    chosen = RetryPolicy(**policy)  # type: ignore[arg-type]
    core = Core.of(settings, timeouts, chosen, None, watch)
    return Call(REQUEST, core, clock=lambda: watch.now, random=lambda: 0.5)


def test_no_wait_of_an_attempt_goes_beyond_the_deadline() -> None:
    watch = Watch()
    call = call_of(watch, deadline_s=50)
    first = call.waits()
    assert (first.connect_s, first.write_s, first.begin_s, first.pool_s) == (5, 6, 50, 8)
    watch.now += 48
    last = call.waits()
    assert (last.connect_s, last.write_s, last.begin_s, last.pool_s) == (2, 2, 2, 2)
    assert first.go_on_s == last.go_on_s == 7
    watch.now += 2
    with pytest.raises(DeadlineError, match="deadline_s, 50 s"):
        call.waits()


def test_waits_double_until_the_retries_are_used_up() -> None:
    watch = Watch()
    call = call_of(watch, max_retries=3, first_delay_s=1, max_delay_s=3)
    error = UnreachableError("down")
    assert [call.delay_after(error) for _ in range(4)] == [0.5, 1.0, 1.5, None]
    assert [event.retry for event in watch.retries] == [1, 2, 3]
    assert str(error) == "down Tried 4 time(s)."


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    watch = Watch()
    call = call_of(watch, deadline_s=10)
    error = UnavailableError("busy")
    error.retry_after_s = 9.0
    assert call.delay_after(error) == 9
    watch.now += 1
    error.retry_after_s = 9.0
    assert call.delay_after(error) is None
    assert "deadline_s of 10" in str(error)


def test_a_wait_that_the_deadline_cut_short_is_the_deadline_s() -> None:
    watch = Watch()
    call = call_of(watch, deadline_s=10)
    watch.now += 10
    slow = AnswerTimeoutError("slow")
    with pytest.raises(DeadlineError) as caught:
        call.delay_after(slow)
    assert caught.value.__cause__ is slow
    assert call_of(watch).delay_after(StalledError("still")) is None


def test_bytes_are_counted_over_all_attempts_and_bounded_in_each() -> None:
    watch = Watch()
    with call_of(watch) as call:
        for _ in range(2):
            call.waits()
            assert call.sent(b"12345") == b"12345"
            assert call.received_whole(Head("u", 500, {}), b"x" * 65536)
            assert not call.received_whole(Head("u", 500, {}), b"x")
    (event,) = watch.ended_with
    assert (event.outcome, event.sent_bytes, event.received_bytes) == ("ok", 10, 2 * 65537)
    assert event.seconds == 0


def test_an_answer_above_its_bound_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affect_client._answers.MAX_ANSWER_BYTES", 10)
    call = call_of(Watch())
    assert call.received(Head("u", 200, {}), b"x" * 10)
    with pytest.raises(BrokenAnswerError):
        call.received(Head("u", 200, {}), b"x")


def test_of_a_stream_the_deadline_covers_the_beginning_alone() -> None:
    watch = Watch()
    call = call_of(watch, deadline_s=10)
    watch.now += 20
    assert call.received(Head("u", 200, {}), b"x")
    with pytest.raises(DeadlineError):
        call.received_whole(Head("u", 200, {}), b"x")
    with pytest.raises(DeadlineError):
        call.sent(b"x")


def test_the_observer_hears_how_it_ended() -> None:
    watch = Watch()
    with pytest.raises(UnreachableError), call_of(watch):
        raise UnreachableError("down")
    with pytest.raises(KeyboardInterrupt), call_of(watch):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), call_of(watch):
        raise ZeroDivisionError
    outcomes = [event.outcome for event in watch.ended_with]
    assert outcomes == ["UnreachableError", "cancelled", "error"]
