from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torchmetrics.regression import ConcordanceCorrCoef

from affect_training.errors import DataError
from affect_training.evaluate.metrics import Agreement, agreement, measure, score, spread
from affect_training.evaluate.predictions import Predictions
from affect_training.ratings.types import Floats

NAN = float("nan")
MakePredictions = Callable[..., Predictions]

# Values on a grid of 2^-20, as coarse as float32 outputs are; constants are still drawn often.
values = st.integers(-(2**20), 2**20).map(lambda step: step / 2**20)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Floats, Floats]:
    count = draw(st.integers(2, 40))
    column = npst.arrays(np.float64, count, elements=values)
    return draw(column), draw(column)


def ccc_by_hand(x: Floats, y: Floats, ddof: int) -> float:
    """The paper's formula, term by term."""
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    over = len(x) - ddof
    s_xy = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / over
    s_xx = math.fsum((a - mean_x) ** 2 for a in x) / over
    s_yy = math.fsum((b - mean_y) ** 2 for b in y) / over
    return 2 * s_xy / (s_xx + s_yy + (mean_x - mean_y) ** 2)


def vary(*columns: Floats) -> bool:
    return all(np.ptp(column) > 0 for column in columns)


@given(pairs())
def test_ccc_pcc_and_mse_are_their_formulas(pair: tuple[Floats, Floats]) -> None:
    x, y = pair
    assume(vary(x, y))
    found = agreement(x, y)
    assert found.ccc == pytest.approx(ccc_by_hand(x, y, ddof=1), abs=1e-9)
    assert found.pcc == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
    assert found.mse == pytest.approx(math.fsum((x - y) ** 2) / len(x), abs=1e-12)


@given(pairs())
def test_ccc_differs_from_lins_by_at_most_one_part_in_n(pair: tuple[Floats, Floats]) -> None:
    x, y = pair
    assume(vary(x, y))
    ours, lins = agreement(x, y).ccc, ccc_by_hand(x, y, ddof=0)
    assert ours is not None
    assert abs(lins) <= abs(ours) + 1e-12
    assert abs(ours - lins) <= abs(ours) / len(x) + 1e-12


@given(pairs())
def test_ccc_is_nearer_to_zero_than_pcc(pair: tuple[Floats, Floats]) -> None:
    x, y = pair
    assume(vary(x, y))
    found = agreement(x, y)
    assert found.ccc is not None
    assert found.pcc is not None
    assert abs(found.ccc) <= abs(found.pcc) + 1e-12


@given(pairs(), st.randoms(use_true_random=False))
def test_order_and_sides_do_not_matter(
    pair: tuple[Floats, Floats], random: np.random.RandomState
) -> None:
    x, y = pair
    order = list(range(len(x)))
    random.shuffle(order)
    found, shuffled, turned = agreement(x, y), agreement(x[order], y[order]), agreement(y, x)
    for other in (shuffled, turned):
        for name in ("ccc", "pcc", "mse"):
            assert getattr(other, name) == pytest.approx(getattr(found, name), abs=1e-9)


@given(npst.arrays(np.float64, st.integers(2, 40), elements=values))
def test_a_trace_agrees_with_itself_wholly_and_with_its_mirror_not_at_all(x: Floats) -> None:
    assume(vary(x))
    same = agreement(x, x)
    assert same.ccc == pytest.approx(1)
    assert same.pcc == pytest.approx(1)
    assert same.mse == 0
    assert agreement(x - x.mean(), x.mean() - x).ccc == pytest.approx(-1)


@given(pairs(), st.lists(st.integers(1, 40), max_size=10))
def test_torchmetrics_is_right_in_several_updates(
    pair: tuple[Floats, Floats], cuts: list[int]
) -> None:
    x, y = pair
    assume(vary(x, y))
    metric = ConcordanceCorrCoef()
    metric.set_dtype(torch.float64)
    places = sorted({0, len(x), *(cut for cut in cuts if cut < len(x))})
    for start, stop in itertools.pairwise(places):
        metric.update(torch.from_numpy(x[start:stop]), torch.from_numpy(y[start:stop]))
    assert metric.compute().item() == pytest.approx(agreement(x, y).ccc, abs=1e-9)


def test_a_constant_prediction_has_a_ccc_of_zero_and_no_pcc() -> None:
    gold = np.array([0.1, -0.3, 0.7])
    flat = np.full(3, 0.1)
    for x, y in ((flat, gold), (gold, flat)):
        found = agreement(x, y)
        assert (found.ccc, found.pcc) == (0.0, None)
        assert found.mse == pytest.approx(((x - y) ** 2).mean())
    apart = agreement(flat, flat + 0.5)
    assert (apart.ccc, apart.pcc) == (0.0, None)
    assert apart.mse == pytest.approx(0.25)
    assert agreement(flat, flat) == Agreement(None, None, 0.0)


def test_one_sample_has_an_error_and_no_agreement() -> None:
    found = agreement(np.array([0.5]), np.array([0.1]))
    assert (found.ccc, found.pcc) == (None, None)
    assert found.mse == pytest.approx(0.16)


def test_rare_peaks_do_not_make_the_ccc_undefined() -> None:
    # In float32 torchmetrics answers NaN here: variance 1e-5 beside a deviation of 1.
    generator = np.random.default_rng(0)
    gold = 0.001 * generator.standard_normal(100_000)
    gold[7] = 1.0
    found = agreement(np.clip(gold + 0.0001, -1, 1), gold)
    assert found.ccc == pytest.approx(ccc_by_hand(np.clip(gold + 0.0001, -1, 1), gold, 1))


@pytest.mark.parametrize(
    ("x", "y"),
    [([0.1, NAN], [0.1, 0.2]), ([0.1], [NAN]), ([0.1, 0.2], [0.1]), ([], [])],
)
def test_missing_values_and_other_lengths_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match=r"missing|predicted \("):
        agreement(np.array(x), np.array(y))


def test_agreement_checks_itself() -> None:
    for ccc, pcc, mse in ((1.1, 0.0, 0.0), (0.0, -1.1, 0.0), (0.0, 0.0, -0.1), (0.0, 0.0, NAN)):
        with pytest.raises(ValueError, match=r"outside|negative"):
            Agreement(ccc, pcc, mse)


def test_valence_and_arousal_are_not_mixed_up() -> None:
    generator = np.random.default_rng(1)
    gold = generator.uniform(-1, 1, (50, 2))
    predicted = gold.copy()
    predicted[:, 1] = generator.uniform(-1, 1, 50)
    scores = score(predicted, gold)
    assert scores.valence.ccc == pytest.approx(1)
    assert scores.arousal.ccc == pytest.approx(ccc_by_hand(predicted[:, 1], gold[:, 1], 1))
    assert scores.mean.ccc == pytest.approx((1 + (scores.arousal.ccc or 0)) / 2)
    assert scores.mean.mse == pytest.approx(scores.arousal.mse / 2)


def test_the_whole_set_is_concatenated_and_only_scored_samples_count(
    make_predictions: MakePredictions,
) -> None:
    generator = np.random.default_rng(2)
    gold, predicted = generator.uniform(-1, 1, (2, 60, 2))
    gold[5:15] = NAN
    predicted[10:25] = NAN
    found = measure(make_predictions(predicted, gold, clips=6, subjects=3))
    assert (found.clips, found.samples, found.rated, found.scored) == (6, 60, 50, 40)
    assert found.coverage == pytest.approx(0.8)
    both = ~np.isnan(gold + predicted)[:, 0]
    expected = ccc_by_hand(predicted[both, 0], gold[both, 0], 1)
    assert found.scores.valence.ccc == pytest.approx(expected)
    by_subject = {one.subject: one.scores for one in found.subjects}
    assert sum(scores.samples for scores in by_subject.values()) == 40
    rows = both & np.isin(np.arange(60) // 10, [0, 3])  # clips 0 and 3 are subject 0's
    expected = ccc_by_hand(predicted[rows, 1], gold[rows, 1], 1)
    assert by_subject["subject-000"].arousal.ccc == pytest.approx(expected)


def test_nothing_to_measure_is_said(make_predictions: MakePredictions) -> None:
    predicted = np.array([[0.1, 0.1], [NAN, NAN]])
    gold = np.array([[NAN, NAN], [0.2, 0.2]])
    with pytest.raises(DataError, match="of 2 samples 1 are rated and 1 show a face"):
        measure(make_predictions(predicted, gold))


def test_spread_leaves_out_the_undefined_and_counts_them() -> None:
    found = spread([0.0, None, 1.0, 2.0, 3.0, 4.0])
    assert found is not None
    assert (found.subjects, found.undefined) == (6, 1)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (1, 2, 3)
    assert spread([None]) is None
    assert spread([]) is None
