"""How outputs move in time: how much they tremble on a still face, how far they are behind.

The step is the mean absolute difference of successive outputs of one track between which the gold
standard stays. The lag is the delay of the gold standard at which outputs correlate with it best.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affect_training.evaluate.predictions import DIMENSIONS, Predictions
from affect_training.ratings.types import Floats

STILL: Final = 0.005
"""Change of the gold standard, in units of the plane, below which a face counts as still."""
LAGS_S: Final = np.round(np.arange(-1, 3.001, 0.05), 2)
"""Delays that are tried; outputs that look back only are seldom early."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One dimension.

    step: >= 0, over `pairs` of samples; None without any. lag_s: seconds, > 0 where outputs come
    late; None where a side does not vary, or no clip is 4 s long.
    """

    dimension: str
    pairs: int
    step: float | None
    lag_s: float | None

    def __post_init__(self) -> None:
        if (self.step is None) != (self.pairs == 0) or (self.step or 0) < 0:
            raise ValueError(f"a step of {self.step} over {self.pairs} pairs")


def measure_timing(predictions: Predictions) -> list[Timing]:
    """Step and lag of valence and of arousal over a split."""
    same_track = (predictions.clip[1:] == predictions.clip[:-1]) & (
        predictions.track[1:] == predictions.track[:-1]
    )
    found = []
    for column, dimension in enumerate(DIMENSIONS):
        predicted, gold = predictions.predicted[:, column], predictions.gold[:, column]
        with np.errstate(invalid="ignore"):
            still = same_track & (np.abs(np.diff(gold)) < STILL)
        steps = np.abs(np.diff(predicted))[still]
        steps = steps[~np.isnan(steps)]
        found.append(
            Timing(
                dimension=dimension,
                pairs=len(steps),
                step=float(steps.mean()) if len(steps) else None,
                lag_s=_lag_s(*_shifted(predictions, predicted, gold)),
            )
        )
    return found


def _shifted(
    predictions: Predictions, predicted: Floats, gold: Floats
) -> tuple[Floats, NDArray[np.float64]]:
    """(n,) outputs, and (lags, n) what the gold standard was so long before each.

    Only samples for which all delays lie within the clip's rated time: every delay is judged on
    the same ones. Between ratings the gold standard is taken to go straight.
    """
    kept: list[Floats] = [np.empty(0)]
    before: list[Floats] = [np.empty((len(LAGS_S), 0))]
    new = predictions.clip[1:] != predictions.clip[:-1]
    bounds = [0, *(np.flatnonzero(new) + 1).tolist(), len(predicted)]
    for start, stop in pairwise(bounds):
        time_s, said, rating = (
            values[start:stop] for values in (predictions.time_s, predicted, gold)
        )
        rated = ~np.isnan(rating)
        if not rated.any():
            continue
        first_s, last_s = time_s[rated][[0, -1]]
        own = ~np.isnan(said)
        own &= (time_s >= first_s + LAGS_S[-1]) & (time_s <= last_s + LAGS_S[0])
        kept.append(said[own])
        wanted = time_s[own][None] - LAGS_S[:, None]
        before.append(np.interp(wanted, time_s[rated], rating[rated]))
    return np.concatenate(kept), np.concatenate(before, axis=1)


def _lag_s(predicted: Floats, before: NDArray[np.float64]) -> float | None:
    if len(predicted) < 2 or np.ptp(predicted) == 0 or (np.ptp(before, axis=1) == 0).any():
        return None
    best = np.argmax([np.corrcoef(predicted, row)[0, 1] for row in before])
    return float(LAGS_S[best])
