from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_training.ratings.join import join, join_all
from affect_training.ratings.types import Floats, Trace

NAN = float("nan")


def trace(time_s: Floats, arousal: Floats | None = None) -> Trace:
    values = np.asarray(np.linspace(-1, 1, len(time_s)), np.float64) if arousal is None else arousal
    return Trace("FM1", time_s, values, -values)


def slowly(rated: Trace, sample_s: Floats, max_age_s: float) -> list[float]:
    """The rule, rating by rating: the latest not after the sample, unless too old."""
    values = []
    for t in sample_s:
        value = NAN
        for time_s, arousal in zip(rated.time_s, rated.arousal, strict=True):
            if time_s <= t + 0.0005:
                value = arousal if t - time_s <= max_age_s + 0.0005 else NAN
        values.append(value)
    return values


# Whole milliseconds: never within rounding of the half millisecond that decides.
MS = st.integers(0, 3000)


@given(
    rated_ms=st.sets(MS, min_size=1, max_size=30),
    sample_ms=st.lists(MS, max_size=20),
    missing=st.sets(st.integers(0, 29)),
    max_age_ms=st.integers(1, 1000),
)
def test_each_sample_takes_the_latest_rating_that_is_fresh(
    rated_ms: set[int], sample_ms: list[int], missing: set[int], max_age_ms: int
) -> None:
    time_s = np.array(sorted(rated_ms)) / 1000
    arousal = np.asarray(np.linspace(-1, 1, len(time_s)), np.float64)
    arousal[[m for m in missing if m < len(time_s)]] = NAN
    rated, sample_s = trace(time_s, arousal), np.array(sample_ms, dtype=np.float64) / 1000
    a, v = join(rated, sample_s, max_age_ms / 1000)
    assert np.array_equal(a, np.array(slowly(rated, sample_s, max_age_ms / 1000)), equal_nan=True)
    assert np.array_equal(v, -a, equal_nan=True)


def test_ratings_at_25_hz_give_every_fifth_to_samples_at_5_fps() -> None:
    rated = trace(np.arange(250, dtype=np.float64) / 25)
    a, _ = join(rated, np.arange(50) / 5, 0.2)
    assert np.array_equal(a, rated.arousal[::5])


@pytest.mark.parametrize("fps", [24000 / 1001, 29.97, 30.0])
def test_a_rating_of_a_frame_goes_to_the_sample_that_shows_the_frame(fps: float) -> None:
    frame_s = np.arange(300) / fps
    number = np.arange(300, dtype=np.float64) / 300
    samples = np.arange(int(frame_s[-1] * 5) + 1) / 5
    a, _ = join(trace(frame_s, number), samples, 0.2)
    shown = [max(n for n in range(300) if frame_s[n] <= t + 0.0005) for t in samples]
    assert np.round(a * 300).astype(int).tolist() == shown


def test_a_rounded_timestamp_just_after_the_sample_still_counts() -> None:
    rated = trace(np.array([0.0, 0.2004, 0.4006]), np.array([0.1, 0.2, 0.3]))
    a, _ = join(rated, np.array([0.2, 0.4]), 0.2)
    assert a.tolist() == [0.2, 0.2]


def test_nothing_is_rated_before_the_first_and_long_after_the_last_rating() -> None:
    a, v = join(trace(np.array([1.0, 1.2])), np.array([0.8, 1.0, 1.2, 1.4, 1.6]), 0.2)
    assert np.isnan(a).tolist() == [True, False, False, False, True]
    assert np.isnan(v).tolist() == np.isnan(a).tolist()


def test_a_rating_that_says_not_rated_hides_the_one_before() -> None:
    rated = trace(np.array([0.0, 0.1, 0.2]), np.array([0.5, NAN, 0.7]))
    a, _ = join(rated, np.array([0.0, 0.1, 0.2]), 0.2)
    assert np.array_equal(a, [0.5, NAN, 0.7], equal_nan=True)


def test_traces_become_columns_in_their_order() -> None:
    one, other = trace(np.array([0.0, 0.2])), trace(np.array([0.2, 0.4]))
    a, v = join_all((one, other), np.array([0.0, 0.2, 0.4]), 0.1)
    assert np.array_equal(a, np.array([[-1, NAN], [1, -1], [NAN, 1]]), equal_nan=True)
    assert np.array_equal(v, -a, equal_nan=True)
