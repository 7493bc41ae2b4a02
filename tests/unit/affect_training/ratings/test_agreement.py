from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affect_training.ratings.agreement import agreement, concordance, cronbach_alpha
from affect_training.ratings.types import Floats

NAN = float("nan")

VALUES = arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(2, 5)),
    elements=st.integers(-100, 100).map(lambda n: n / 100),
)


def alpha_by_covariance(ratings: Floats) -> float:
    """Cronbach's alpha from the covariance matrix: k / (k - 1) (1 - trace / sum)."""
    covariance = np.cov(ratings, rowvar=False)
    k = ratings.shape[1]
    return float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum()))


@given(VALUES)
def test_alpha_is_that_of_the_covariance_matrix(ratings: Floats) -> None:
    alpha = cronbach_alpha(ratings)
    if np.ptp(np.round(ratings.sum(axis=1), 9)) == 0:
        return
    assert alpha == pytest.approx(alpha_by_covariance(ratings), rel=1e-9, abs=1e-9)
    assert alpha <= 1 + 1e-12


def test_alpha_of_a_worked_example() -> None:
    # Three annotators, four samples; their sums are 6, 9, 6, 15, of variance 18.
    ratings = np.array([[2.0, 3, 1], [3, 4, 2], [2, 3, 1], [5, 5, 5]])
    variances = [2.0, 11 / 12, 43 / 12]
    assert ratings.var(axis=0, ddof=1) == pytest.approx(variances)
    assert cronbach_alpha(ratings) == pytest.approx(1.5 * (1 - sum(variances) / 18))


def test_equal_annotators_agree_fully() -> None:
    x = np.linspace(-1, 1, 20)
    found = agreement(np.stack([x, x, x], axis=1))
    assert found.alpha == pytest.approx(1)
    assert found.pearson == pytest.approx(1)
    assert found.ccc == pytest.approx(1)
    assert (found.annotators, found.samples) == (3, 20)


def test_an_offset_lowers_ccc_and_not_pearson() -> None:
    x = np.linspace(-0.5, 0.5, 20)
    found = agreement(np.stack([x, x + 0.3], axis=1))
    assert found.pearson == pytest.approx(1)
    assert found.ccc == pytest.approx(2 * x.var() / (2 * x.var() + 0.09))


@pytest.mark.parametrize("ratings", [[[0.1], [0.2]], [[0.1, NAN], [NAN, 0.2]], [[NAN, NAN]]])
def test_without_shared_samples_there_is_no_agreement(ratings: list[list[float]]) -> None:
    found = agreement(np.array(ratings))
    assert (found.alpha, found.pearson, found.ccc) == (None, None, None)
    assert (found.annotators, found.samples) == (0, 0)


def test_pairs_share_what_they_share_and_alpha_what_all_rated() -> None:
    rng = np.random.default_rng(1)
    ratings = rng.uniform(-1, 1, (40, 3))
    ratings[:10, 0] = NAN
    ratings[30:, 2] = NAN
    found = agreement(ratings)
    pairs = [(0, 1), (0, 2), (1, 2)]
    shared = [ratings[~np.isnan(ratings[:, list(p)]).any(axis=1)][:, list(p)] for p in pairs]
    assert found.pearson == pytest.approx(np.mean([np.corrcoef(s.T)[0, 1] for s in shared]))
    assert found.alpha == pytest.approx(alpha_by_covariance(ratings[10:30]))
    assert found.samples == 40


def test_a_constant_annotator_leaves_pearson_undefined() -> None:
    found = agreement(np.stack([np.zeros(5), np.linspace(-1, 1, 5)], axis=1))
    assert found.pearson is None
    assert found.ccc == pytest.approx(0)


@given(arrays(np.float64, (2, 15), elements=st.integers(-100, 100).map(lambda n: n / 100)))
def test_ccc_is_lins(series: Floats) -> None:
    x, y = series
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    s_xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / n
    s_xx = sum((a - mean_x) ** 2 for a in x) / n
    s_yy = sum((b - mean_y) ** 2 for b in y) / n
    below = s_xx + s_yy + (mean_x - mean_y) ** 2
    if below < 1e-12:
        return
    assert concordance(x, y) == pytest.approx(2 * s_xy / below, abs=1e-9)
    assert abs(concordance(x, y)) <= 1 + 1e-12


def test_ccc_of_a_series_with_itself_is_1_even_when_short() -> None:
    x = np.array([0.1, 0.2, 0.15, 0.3, 0.0])
    assert concordance(x, x) == pytest.approx(1)
    assert np.isnan(concordance(x[:1], x[:1]))
    assert np.isnan(concordance(np.ones(4), np.ones(4)))
