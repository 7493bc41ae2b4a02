from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from affect_core.errors import ClipError, DeadlineExceededError
from affect_core.limits import MIN_SIDE, Deadline, Limits
from affect_core.spec import PreprocessSpec


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_a_deadline_passes_after_its_seconds_and_not_before(clock: Clock) -> None:
    deadline = Deadline(5)
    clock.now += 4.9
    deadline.check()
    assert deadline.left == pytest.approx(0.1)
    clock.now += 0.1
    with pytest.raises(DeadlineExceededError):
        deadline.check()
    clock.now += 10
    assert deadline.left == pytest.approx(-10)


def test_a_deadline_s_error_says_the_time_allowed_and_what_to_do(clock: Clock) -> None:
    error = Deadline(90.0).error()
    assert isinstance(error, ClipError)
    assert error.code == "deadline_exceeded"
    assert "90 s" in str(error)
    assert "sample_fps" in str(error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_duration_s", 0),
        ("max_samples", 0),
        ("max_side", 15),
        ("max_pixels", 255),
        ("max_wall_s", 0),
        ("max_frames", 5),
    ],
)
def test_limits_that_allow_nothing_or_are_unknown_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Limits.model_validate({field: value})


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Limits().max_samples = 7


def test_by_default_a_clip_of_the_longest_duration_may_be_sampled_at_the_trained_rate() -> None:
    limits = Limits()
    assert limits.max_duration_s * PreprocessSpec().sample_fps <= limits.max_samples
    assert limits.max_side >= MIN_SIDE
    assert limits.max_pixels >= MIN_SIDE**2
