from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from weakref import WeakSet

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from affect_core.sampling import ON_SCREEN_TOLERANCE_S, on_screen

TOLERANCE = Fraction(1, 2000)
# Too close to call in binary floating point; real ties are tested by name below.
UNDECIDED = Fraction(1, 10**8)

ticks = st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 30_000)])
rates = st.sampled_from([0.5, 1.0, 5.0, 7.0, 12.5, 24.0, 25.0, 29.97, 30.0])


@st.composite
def timestamps(draw: st.DrawFn) -> list[Fraction]:
    """Starts at 0; mostly advances, sometimes stands still or goes back."""
    tick = draw(ticks)
    per_second = math.ceil(1 / tick)
    steps = draw(
        st.lists(
            st.one_of(
                st.integers(1, max(2, per_second // 10)),
                st.integers(-per_second // 5, per_second // 2),
                st.just(0),
            ),
            max_size=25,
        )
    )
    return [tick * position for position in itertools.accumulate(steps, initial=0)]


def reference(
    times: list[Fraction], fps: Fraction, start: Fraction, end: Fraction | None
) -> list[tuple[int, int]]:
    """(k, position of the frame on screen), by looking at all frames for every k."""
    advancing: list[tuple[Fraction, int]] = []
    for position, time in enumerate(times):
        if not advancing or time > advancing[-1][0]:
            advancing.append((time, position))
    found: list[tuple[int, int]] = []
    for k in itertools.count():
        moment = k / fps
        assume(all(abs(moment + TOLERANCE - time) > UNDECIDED for time, _ in advancing))
        if moment > advancing[-1][0] + TOLERANCE:
            return found
        if moment >= start and (end is None or moment < end):
            found.append(
                (k, max(shown for shown in advancing if shown[0] <= moment + TOLERANCE)[1])
            )
    raise AssertionError


def numbered(times: list[Fraction]) -> list[tuple[float, int]]:
    return [(float(time), position) for position, time in enumerate(times)]


@given(times=timestamps(), fps=rates)
def test_every_sample_up_to_the_last_timestamp_shows_the_latest_frame_not_after_it(
    times: list[Fraction], fps: float
) -> None:
    expected = reference(times, Fraction(fps), Fraction(0), None)
    assert list(on_screen(numbered(times), fps, 0.0, math.inf)) == expected


@given(
    times=timestamps(),
    fps=rates,
    start=st.fractions(0, 3, max_denominator=60),
    length=st.none() | st.fractions(Fraction(1, 60), 3, max_denominator=60),
)
def test_a_window_holds_the_samples_from_its_start_to_before_its_end(
    times: list[Fraction], fps: float, start: Fraction, length: Fraction | None
) -> None:
    exact = Fraction(fps)
    end = None if length is None else start + length
    for edge in (start, end):
        # A sample beside the edge by less than rounding could fall on either side.
        if edge is not None:
            beside = abs(round(edge * exact) / exact - edge)
            assume(beside == 0 or beside > UNDECIDED)
    expected = reference(times, exact, start, end)
    seconds = math.inf if end is None else float(end)
    assert list(on_screen(numbered(times), fps, float(start), seconds)) == expected


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0, 30.0])
@pytest.mark.parametrize("k", [1, 3, 7, 149])
def test_a_sample_at_the_very_start_of_a_window_is_in_and_at_its_very_end_is_out(
    fps: float, k: int
) -> None:
    frames = [(i / 25, i) for i in range(160 * 25)]
    start, end = k / fps, (k + 2) / fps
    assert [index for index, _ in on_screen(frames, fps, start, end)] == [k, k + 1]


@given(
    split=st.floats(0, 3, exclude_min=True),
    fps=rates,
)
@example(split=0.1 + 0.2, fps=10.0)
def test_two_adjacent_windows_hold_each_sample_once(split: float, fps: float) -> None:
    frames = [(i / 50, i) for i in range(150)]
    before = list(on_screen(frames, fps, 0.0, split))
    after = list(on_screen(frames, fps, split, math.inf))
    assert before + after == list(on_screen(frames, fps, 0.0, math.inf))


@given(start=st.floats(1e6, 1.7e308), fps=rates)
@example(start=1e308, fps=30.0)
def test_a_window_far_beyond_the_clip_holds_nothing(start: float, fps: float) -> None:
    assert list(on_screen([(0.0, 0), (1.0, 1)], fps, start, math.inf)) == []


@pytest.mark.parametrize("late_s", [0.0, 0.0004, -0.0004])
def test_timestamps_rounded_to_a_millisecond_decide_no_sample(late_s: float) -> None:
    frames = [(k / 30 + (late_s if k else 0.0), k) for k in range(90)]
    assert list(on_screen(frames, 30.0, 0.0, math.inf)) == [(k, k) for k in range(90)]


@pytest.mark.parametrize("late_s", [0.0006, 0.002])
def test_a_frame_later_than_the_tolerance_is_not_yet_on_screen(late_s: float) -> None:
    assert late_s > ON_SCREEN_TOLERANCE_S
    frames = [(k / 5 + (late_s if k else 0.0), k) for k in range(4)]
    assert list(on_screen(frames, 5.0, 0.0, math.inf)) == [(0, 0), (1, 0), (2, 1), (3, 2)]


def test_no_frames_give_no_samples() -> None:
    nothing: list[tuple[float, int]] = []
    assert list(on_screen(nothing, 5.0, 0.0, math.inf)) == []


class Frame:
    """A frame that can be counted while it is alive."""


@given(times=timestamps(), fps=rates)
def test_at_most_one_frame_is_held_beside_the_one_arriving(
    times: list[Fraction], fps: float
) -> None:
    alive: WeakSet[Frame] = WeakSet()
    most = 0

    def frames() -> Iterator[tuple[float, Frame]]:
        nonlocal most
        for time in times:
            arriving = Frame()
            alive.add(arriving)
            yield float(time), arriving
            del arriving
            most = max(most, len(alive))

    for sample in on_screen(frames(), fps, 0.0, math.inf):
        del sample
    # The held one, and the last to arrive where it did not advance.
    assert most <= 2


def test_a_sample_is_given_as_soon_as_a_frame_after_it_arrives() -> None:
    arrived = 0

    def frames() -> Iterator[tuple[float, int]]:
        nonlocal arrived
        for position in range(100):
            arrived = position
            yield position / 25, position

    for index, shown in on_screen(frames(), 5.0, 0.0, math.inf):
        assert shown == 5 * index
        assert arrived <= shown + 1


def test_a_window_that_ends_leaves_the_rest_of_the_clip_unread() -> None:
    frames = iter([(i / 25, i) for i in range(1000)])
    assert [k for k, _ in on_screen(frames, 5.0, 1.0, 2.0)] == [5, 6, 7, 8, 9]
    assert next(frames)[1] <= 2 * 25 + 1
