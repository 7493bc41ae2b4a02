"""How many clips are let in: those that can be answered in time."""

from __future__ import annotations

import pytest

from affect_serving.admission import Admission


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def learned(seconds: float, within_s: float, at_most: int = 64) -> tuple[Admission, Clock]:
    """One that has seen answers come so many seconds apart, and has nobody inside."""
    clock = Clock()
    admission = Admission(within_s, at_most, clock)
    for _ in range(30):
        admission.enter()
        clock.now_s += seconds
        admission.leave(answered=True)
    return admission, clock


def filled(admission: Admission) -> int:
    """How many it lets in at one moment."""
    while admission.refusal() is None:
        admission.enter()
    return admission.inside


def test_as_many_are_let_in_as_two_fifths_of_the_time_allow() -> None:
    admission, _ = learned(0.5, 20)
    assert admission.expected_s == pytest.approx(0.5)
    assert filled(admission) == 16
    assert admission.expected_s == pytest.approx(8.5)


def test_no_more_than_the_most() -> None:
    assert filled(learned(0.001, 20, at_most=7)[0]) == 7


def test_what_is_worked_on_at_once_is_let_in_however_long_it_takes() -> None:
    assert filled(learned(500, 20)[0]) == 4


def test_before_anything_is_known_only_the_most_counts() -> None:
    assert filled(Admission(20, 9, Clock())) == 9


def test_a_refusal_says_when_there_will_be_a_place() -> None:
    admission, clock = learned(1, 20)
    assert filled(admission) == 8
    assert admission.refusal() == 1
    clock.now_s += 7.5  # nothing is answered: the queue stands
    assert admission.refusal() == 9
    clock.now_s += 1000
    assert admission.refusal() == 30


def test_while_nothing_is_answered_nobody_else_is_let_in() -> None:
    admission, clock = learned(0.1, 10)
    for _ in range(4):
        admission.enter()
    assert admission.refusal() is None
    clock.now_s += 6
    assert admission.refusal() is not None
    admission.leave(answered=False)
    assert admission.refusal() is None


def test_it_follows_when_clips_become_longer_and_shorter() -> None:
    admission, clock = learned(0.1, 20)
    for seconds in (1.0, 0.1):
        for _ in range(40):
            admission.enter()
            clock.now_s += seconds
            admission.leave(answered=True)
        assert admission.expected_s == pytest.approx(seconds, rel=0.2)


def test_what_got_no_answer_says_nothing_of_how_long_one_takes() -> None:
    admission, clock = learned(0.5, 20)
    admission.enter()
    clock.now_s += 300
    admission.leave(answered=False)
    assert admission.expected_s == pytest.approx(0.5)


def test_time_without_work_is_not_counted() -> None:
    admission, clock = learned(0.5, 20)
    clock.now_s += 10_000
    admission.enter()
    clock.now_s += 0.5
    admission.leave(answered=True)
    assert admission.expected_s == pytest.approx(0.5)
