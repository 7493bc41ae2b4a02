from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.evaluate.metrics import score
from affect_training.evaluate.predictions import Predictions
from affect_training.evaluate.smoothing import GRID_S, fit_smoothing, smoothed
from affect_training.ratings.types import Floats

NAN = float("nan")
MakePredictions = Callable[..., Predictions]


def slow_gold(rows: int) -> Floats:
    time = np.arange(rows) / 5
    return np.column_stack([0.6 * np.sin(time / 8), 0.5 * np.cos(time / 11)])


def by_hand(predictions: Predictions, tau: float) -> Floats:
    """y_t = y_{t-1} + (1 - exp(-dt / tau)) (x_t - y_{t-1}), row by row, a state for each track."""
    out = predictions.predicted.copy()
    last: dict[tuple[str, int], int] = {}
    for row, (clip, track) in enumerate(zip(predictions.clip, predictions.track, strict=True)):
        if track == -1:
            continue
        before = last.get((str(clip), int(track)))
        if before is not None:
            step = predictions.time_s[row] - predictions.time_s[before]
            gain = 1 - math.exp(-step / tau)
            out[row] = out[before] + gain * (predictions.predicted[row] - out[before])
        last[str(clip), int(track)] = row
    return out


@pytest.fixture
def noisy(make_predictions: MakePredictions) -> Predictions:
    gold = slow_gold(400)
    noise = np.random.default_rng(0).normal(0, 0.25, gold.shape)
    return make_predictions(np.clip(gold + noise, -1, 1), gold, clips=4, split="validation")


def test_each_track_of_each_clip_is_filtered_alone_over_its_gaps(
    make_predictions: MakePredictions,
) -> None:
    predicted = np.random.default_rng(1).uniform(-1, 1, (60, 2))
    predicted[[3, 4, 17, 40]] = NAN
    one = make_predictions(predicted, slow_gold(60), clips=3)
    track = one.track.copy()
    track[(track == 0) & (np.arange(60) % 20 > 11)] = 1
    two = dataclasses.replace(one, track=track)
    for tau in (0.07, 1.3):
        assert smoothed(two, tau) == pytest.approx(by_hand(two, tau), nan_ok=True)
    assert np.array_equal(smoothed(two, 0.0), predicted, equal_nan=True)


def test_the_fit_is_the_best_of_the_grid_and_better_than_none(noisy: Predictions) -> None:
    fit = fit_smoothing(noisy)
    assert fit.tau_s == GRID_S
    direct = [score(by_hand(noisy, tau) if tau else noisy.predicted, noisy.gold) for tau in GRID_S]
    assert fit.ccc == pytest.approx([scores.mean.ccc for scores in direct])
    assert fit.best_s == GRID_S[int(np.argmax(np.array(fit.ccc, dtype=float)))]
    assert 0.1 < fit.best_s < 5


def test_nothing_is_smoothed_where_it_does_not_help(make_predictions: MakePredictions) -> None:
    gold = slow_gold(200)
    assert fit_smoothing(make_predictions(gold, gold, split="validation")).best_s == 0.0


def test_equals_go_to_the_smallest(make_predictions: MakePredictions) -> None:
    # A constant prediction stays itself and its CCC zero, whatever the filter.
    flat = np.full((20, 2), 0.2)
    fit = fit_smoothing(
        make_predictions(flat, slow_gold(20), split="validation"), grid_s=(1.0, 0.5, 2.0)
    )
    assert fit.best_s == 0.5


def test_unrated_samples_pass_through_the_filter_and_do_not_count(
    make_predictions: MakePredictions,
) -> None:
    predicted = np.random.default_rng(3).uniform(-1, 1, (50, 2))
    gold = slow_gold(50)
    gold[::2] = NAN
    one = make_predictions(predicted, gold, split="validation")
    fit = fit_smoothing(one, grid_s=(0.4,))
    wanted = score(by_hand(one, 0.4)[1::2], gold[1::2]).mean.ccc
    assert fit.ccc[0] == pytest.approx(wanted)


@pytest.mark.parametrize("split", ["train", "test"])
def test_other_splits_are_refused(make_predictions: MakePredictions, split: str) -> None:
    gold = slow_gold(10)
    with pytest.raises(DataError, match=f"validation predictions only.*{split}"):
        fit_smoothing(make_predictions(gold, gold, split=split))


def test_what_gives_no_answer_is_said(make_predictions: MakePredictions) -> None:
    gold = slow_gold(10)
    missing = np.full((10, 2), NAN)
    flat = np.full((10, 2), 0.5)
    with pytest.raises(DataError, match="already"):
        fit_smoothing(make_predictions(gold, gold, split="validation", smoothing_s=0.3))
    with pytest.raises(DataError, match="both rated"):
        fit_smoothing(make_predictions(missing, gold, split="validation"))
    with pytest.raises(DataError, match="undefined"):
        fit_smoothing(make_predictions(flat, flat, split="validation"))
