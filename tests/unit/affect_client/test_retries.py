from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from affect_client import errors
from affect_client.errors import AffectError, SettingsError, StatusError
from affect_client.refusals import BY_STATUS
from affect_client.retries import Repeat, RetryPolicy, may_retry, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)


def refused(status: int, retry_after_s: float | None = None) -> StatusError:
    error = BY_STATUS.get(status, StatusError)("m")
    error.status, error.retry_after_s = status, retry_after_s
    return error


def lost(*, begun: bool) -> AffectError:
    error = errors.ConnectionLostError("m")
    error.begun = begun
    return error


@pytest.mark.parametrize("status", range(400, 600))
def test_statuses_that_are_tried_again(status: int) -> None:
    expected = status in {408, 429, 502, 503, 504, 507}
    assert may_retry(refused(status), Repeat.ALWAYS) is expected
    assert may_retry(refused(status), Repeat.UNHEARD) is (status == 429)
    assert not may_retry(refused(status), Repeat.NEVER)


@pytest.mark.parametrize(
    ("error", "always", "unheard"),
    [
        (errors.UnreachableError("m"), True, True),
        (errors.ConnectTimeoutError("m"), True, True),
        (lost(begun=False), True, False),
        (lost(begun=True), False, False),
        (errors.AnswerTimeoutError("m"), False, False),
        (errors.StalledError("m"), False, False),
        (errors.UploadTimeoutError("m"), False, False),
        (errors.PoolTimeoutError("m"), False, False),
        (errors.DeadlineError("m"), False, False),
        (errors.NotAffectlineError("m"), False, False),
        (errors.BrokenAnswerError("m"), False, False),
        (errors.ClipChangedError("m"), False, False),
    ],
)
def test_failures_that_are_tried_again(error: AffectError, always: bool, unheard: bool) -> None:
    assert may_retry(error, Repeat.ALWAYS) is always
    assert may_retry(error, Repeat.UNHEARD) is unheard
    assert not may_retry(error, Repeat.NEVER)


@given(retry=st.integers(1, 10_000), random=st.floats(0, 1, exclude_max=True))
def test_waits_are_random_up_to_a_bound_that_doubles(retry: int, random: float) -> None:
    policy = RetryPolicy(first_delay_s=0.5, max_delay_s=20)
    delay_s = policy.delay_s(retry, refused(503), lambda: random)
    bound = 20 if retry > 6 else min(20, 0.5 * 2 ** (retry - 1))
    assert delay_s == pytest.approx(bound * random)


@given(asked=st.floats(0, 1e6), random=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_no_shorter_than_the_server_asks(asked: float, random: float) -> None:
    delay_s = RetryPolicy().delay_s(1, refused(503, asked), lambda: random)
    assert asked <= delay_s <= max(asked, 0.5)


@pytest.mark.parametrize(
    "values",
    [{"max_retries": -1}, {"deadline_s": 0}, {"first_delay_s": math.inf}, {"max_delay_s": -1}],
)
def test_numbers_outside_their_range_are_named(values: dict[str, float]) -> None:
    (name,) = values
    with pytest.raises(SettingsError, match=name):
        RetryPolicy(**values)  # type: ignore[arg-type]


@given(seconds=st.integers(0, 10**7))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert parse_retry_after(f" {seconds} ", NOW) == seconds


@given(seconds=st.integers(-(10**7), 10**7))
def test_retry_after_as_a_date(seconds: int) -> None:
    date = NOW + timedelta(seconds=seconds)
    text = format_datetime(date, usegmt=True)
    assert parse_retry_after(text, NOW) == max(0, seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1.5", 1.5),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 10),  # RFC 850, as RFC 9110 still allows
        ("Sun Mar  1 12:00:10 2026", 10),  # asctime
    ],
)
def test_retry_after_s_edges(text: str | None, expected: float | None) -> None:
    assert parse_retry_after(text, NOW) == expected


@given(text=st.text(max_size=40))
@example("Sun, 99 Mar 99999 12:00:10 GMT")
@example("Sun, 01 Mar 2026 12:00:10 +9999")
@example("0" * 5000)
@example("9" * 400)
def test_whatever_retry_after_says_it_is_a_wait_or_none(text: str) -> None:
    wait_s = parse_retry_after(text, NOW)
    assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0)
