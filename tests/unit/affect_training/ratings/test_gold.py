from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affect_training.ratings.gold import (
    Weights,
    combine,
    ewe_weights,
    gold_standard,
    pearson,
)
from affect_training.ratings.types import Floats

NAN = float("nan")

RATINGS = arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 5)),
    elements=st.integers(-100, 100).map(lambda n: n / 100) | st.just(NAN),
)


def test_the_mean_is_over_those_who_rated() -> None:
    ratings = np.array([[0.2, 0.4, NAN], [NAN, NAN, NAN], [1.0, NAN, NAN]])
    assert np.allclose(combine(ratings, np.ones(3)), [0.3, NAN, 1.0], equal_nan=True)


def test_ewe_weights_are_correlations_with_the_mean_of_all() -> None:
    rng = np.random.default_rng(0)
    truth = np.sin(np.linspace(0, 6, 200)) * 0.6
    noise = rng.normal(0, [0.02, 0.2, 0.4], (200, 3))
    ratings = np.clip(truth[:, None] + noise, -1, 1)
    # Grimm and Kroschel 2005, equation by equation, with NumPy's own correlation.
    expected = [np.corrcoef(ratings[:, k], ratings.mean(axis=1))[0, 1] for k in range(3)]
    weights = ewe_weights(ratings)
    assert np.allclose(weights, expected, rtol=0, atol=1e-12)
    assert weights[0] > weights[1] > weights[2] > 0
    assert np.allclose(
        combine(ratings, weights), (ratings * weights).sum(axis=1) / weights.sum(), atol=1e-12
    )


def test_an_annotator_who_contradicts_or_never_moves_counts_nothing() -> None:
    truth = np.linspace(-1, 1, 50)
    weights = ewe_weights(np.stack([truth, truth, truth * 0.9, -truth, np.zeros(50)], axis=1))
    assert weights[:3] == pytest.approx([1, 1, 1])
    assert weights[3:].tolist() == [0, 0]


def test_samples_that_one_annotator_rated_say_nothing_about_weights() -> None:
    shared = np.array([[0.1, 0.3], [0.5, 0.2], [0.9, 0.8], [0.2, 0.1]])
    alone = np.array([[NAN, -1.0], [0.7, NAN], [NAN, NAN]])
    assert np.array_equal(ewe_weights(np.vstack([shared, alone])), ewe_weights(shared))


def test_one_annotator_is_the_gold_standard_in_both_ways() -> None:
    ratings = np.array([[0.3], [NAN], [-1.0]])
    for weights in (np.ones(1), ewe_weights(ratings)):
        assert np.array_equal(combine(ratings, weights), ratings[:, 0], equal_nan=True)


def test_several_of_no_weight_give_no_gold_standard() -> None:
    assert np.isnan(combine(np.array([[0.1, 0.2]]), np.zeros(2))).all()


@given(RATINGS)
def test_a_gold_standard_lies_between_the_ratings(ratings: Floats) -> None:
    for weights in (np.ones(ratings.shape[1]), ewe_weights(ratings)):
        assert ((weights >= 0) & (weights <= 1)).all()
        gold = combine(ratings, weights)
        for value, row in zip(gold, ratings, strict=True):
            rated = row[~np.isnan(row)]
            if len(rated) == 0:
                assert np.isnan(value)
            elif not np.isnan(value):
                assert rated.min() - 1e-12 <= value <= rated.max() + 1e-12
                assert abs(value) <= 1
        if (weights > 0).all():
            assert np.isnan(gold).tolist() == np.isnan(ratings).all(axis=1).tolist()


@given(RATINGS)
def test_the_order_of_annotators_does_not_matter(ratings: Floats) -> None:
    assert np.allclose(ewe_weights(ratings)[::-1], ewe_weights(ratings[:, ::-1]), atol=1e-9)


def test_a_sample_without_one_dimension_has_neither() -> None:
    arousal, valence = np.array([[0.1, 0.3]]), np.array([[0.5, 0.7]])
    weights = {"a": Weights(0.0, 1.0), "b": Weights(0.0, 1.0)}
    found = gold_standard(arousal, valence, ["a", "b"], weights)
    assert np.isnan(found).all()
    weights = {"a": Weights(3.0, 1.0), "b": Weights(1.0, 1.0)}
    found = gold_standard(arousal, valence, ["a", "b"], weights)
    assert np.allclose(found, [[0.15], [0.6]])


@given(arrays(np.float64, (2, 12), elements=st.integers(-50, 50).map(float)))
def test_pearson_is_numpys(series: Floats) -> None:
    x, y = series
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(pearson(x, y))
    else:
        assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
        assert pearson(x, y) == pearson(y, x)


def test_two_values_are_needed() -> None:
    assert np.isnan(pearson(np.ones(1), np.ones(1)))
    assert np.isnan(pearson(np.ones(0), np.ones(0)))
