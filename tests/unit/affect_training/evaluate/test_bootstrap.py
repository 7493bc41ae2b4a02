from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from affect_training.evaluate.bootstrap import (
    Interval,
    draw_subjects,
    intervals,
    resample,
    subject_sums,
)
from affect_training.evaluate.metrics import score
from affect_training.evaluate.predictions import Texts
from affect_training.ratings.types import Floats

values = st.integers(-(2**12), 2**12).map(lambda step: step / 2**12)


@st.composite
def splits(draw: st.DrawFn) -> tuple[Texts, Floats, Floats]:
    rows = draw(st.integers(2, 30))
    names = draw(st.lists(st.sampled_from("abcd"), min_size=rows, max_size=rows))
    array = npst.arrays(np.float64, (rows, 2), elements=values)
    return np.array(names), draw(array), draw(array)


def noisy(subjects: int, samples: int, seed: int = 0) -> tuple[Texts, Floats, Floats]:
    """Subjects who differ in how well they are read."""
    generator = np.random.default_rng(seed)
    names = np.repeat([f"s{i:03d}" for i in range(subjects)], samples)
    gold = generator.uniform(-0.8, 0.8, (subjects * samples, 2))
    offset = np.repeat(generator.normal(0, 0.2, (subjects, 2)), samples, axis=0)
    noise = generator.normal(0, 0.1, gold.shape)
    return names, np.clip(gold + offset + noise, -1, 1), gold


@given(splits(), st.integers(0, 2**32 - 1))
def test_sums_give_what_the_resample_itself_would(
    split: tuple[Texts, Floats, Floats], seed: int
) -> None:
    names, predicted, gold = split
    people = np.unique(names)
    draws = draw_subjects(len(people), 3, seed)
    drawn = resample(subject_sums(names, predicted, gold), draws)
    found = {"ccc": drawn.ccc(), "pcc": drawn.pcc(), "mse": drawn.mse()}
    for row, times in enumerate(draws):
        built = np.concatenate(
            [
                np.flatnonzero(names == p)
                for p, n in zip(people, times, strict=True)
                for _ in range(n)
            ]
        )
        direct = score(predicted[built], gold[built])
        for column, expected in enumerate((direct.valence, direct.arousal)):
            for metric, table in found.items():
                value = getattr(expected, metric)
                wanted = np.nan if value is None else value
                assert table[row, column] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_every_subject_is_drawn_as_often_as_any_other() -> None:
    draws = draw_subjects(8, 20_000, 3)
    assert (draws.sum(axis=1) == 8).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(8), abs=0.03)
    # With replacement, each draw on its own: the counts' variance is S * (1/S) * (1 - 1/S).
    assert draws.var(axis=0) == pytest.approx(np.full(8, 7 / 8), abs=0.04)


def test_intervals_are_percentiles_of_directly_resampled_metrics() -> None:
    names, predicted, gold = noisy(12, 20)
    found = intervals(names, predicted, gold, resamples=400, seed=5)
    people = np.unique(names)
    direct = []
    for times in draw_subjects(12, 400, 5):
        built = np.concatenate(
            [
                np.flatnonzero(names == p)
                for p, n in zip(people, times, strict=True)
                for _ in range(n)
            ]
        )
        scores = score(predicted[built], gold[built])
        direct.append([scores.valence.ccc, scores.mean.ccc, scores.arousal.mse])
    low, high = np.percentile(np.array(direct, dtype=float), [2.5, 97.5], axis=0)
    places = (("valence", "ccc"), ("mean", "ccc"), ("arousal", "mse"))
    for column, (dimension, metric) in enumerate(places):
        interval = found[dimension][metric]
        assert interval is not None
        assert interval.low == pytest.approx(low[column])
        assert interval.high == pytest.approx(high[column])


def test_the_seed_decides() -> None:
    split = noisy(10, 10)
    assert intervals(*split, seed=1) == intervals(*split, seed=1)
    assert intervals(*split, seed=1) != intervals(*split, seed=2)


def test_subjects_and_not_samples_are_drawn() -> None:
    # The same rows as ten subjects and as one subject a row: clusters make intervals wider.
    names, predicted, gold = noisy(10, 100)
    clustered = intervals(names, predicted, gold)["mean"]["ccc"]
    rows = np.array([f"{i:05d}" for i in range(len(names))])
    independent = intervals(rows, predicted, gold, resamples=500)["mean"]["ccc"]
    assert clustered is not None
    assert independent is not None
    assert clustered.high - clustered.low > 2 * (independent.high - independent.low)


def test_one_subject_has_no_interval() -> None:
    names, predicted, gold = noisy(1, 50)
    found = intervals(names, predicted, gold)
    assert all(interval is None for row in found.values() for interval in row.values())


def test_an_undefined_resample_takes_the_interval_and_no_other() -> None:
    # Drawn twice, subject b's constant gold leaves no correlation.
    names = np.array(["a", "a", "b", "b"])
    gold = np.array([[0.1, 0.1], [0.5, 0.2], [0.3, 0.1], [0.3, 0.5]])
    predicted = np.array([[0.2, 0.1], [0.4, 0.3], [0.1, 0.2], [0.2, 0.5]])
    found = intervals(names, predicted, gold)
    assert found["valence"]["pcc"] is None
    assert found["mean"]["pcc"] is None
    assert found["valence"]["ccc"] is not None
    assert found["arousal"]["pcc"] is not None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="interval from"):
        Interval(1.0, 0.5)
    with pytest.raises(ValueError, match="subjects"):
        subject_sums(np.array(["a"]), np.zeros((2, 2)), np.zeros((2, 2)))
