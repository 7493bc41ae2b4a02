"""The time constant of the spec's causal low-pass, fitted on validation predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affect_core.smoothing import smooth_track
from affect_training.errors import DataError
from affect_training.evaluate.metrics import score
from affect_training.evaluate.predictions import NO_TRACK, Predictions
from affect_training.ratings.types import Floats

GRID_S: Final = (0.0, *np.geomspace(0.05, 10.0, 24).round(3).tolist())
"""Seconds: none, and 24 steps of a quarter each up to the most that a spec may ask."""


@dataclass(frozen=True, slots=True)
class SmoothingFit:
    """The best time constant, and the mean CCC at each of those tried.

    `tau_s` and `ccc` have the same order; None is a CCC that is undefined.
    """

    best_s: float
    tau_s: tuple[float, ...]
    ccc: tuple[float | None, ...]


def smoothed(predictions: Predictions, tau_s: float) -> Floats:
    """`predicted` (n, 2) after the low-pass along every track; NaN stays where no face is."""
    values = predictions.predicted.copy()
    for rows in _tracks(predictions):
        values[rows] = smooth_track(predictions.time_s[rows], values[rows], tau_s)
    return values


def fit_smoothing(predictions: Predictions, grid_s: Sequence[float] = GRID_S) -> SmoothingFit:
    """Try each time constant; the best has the greatest mean CCC, the smallest of equals.

    The filter runs over every sample of a track, rated or not, as in serving.

    Raises:
        DataError: the predictions are not of the validation split, are smoothed already, or
            hold nothing to measure.
    """
    if predictions.split != "validation":
        raise DataError(
            f"Smoothing is fitted on validation predictions only, and these are of the split "
            f"{predictions.split}: a choice made there would be part of what it is measured on."
        )
    if predictions.source.output_smoothing_s != 0:
        raise DataError(
            f"These predictions are smoothed over {predictions.source.output_smoothing_s:g} s "
            "already; predict without smoothing first."
        )
    scored = predictions.scored
    if not scored.any():
        raise DataError("No validation sample is both rated and shows a face.")
    gold = predictions.gold[scored]
    ccc = [score(smoothed(predictions, tau)[scored], gold).mean.ccc for tau in grid_s]
    known = [(-value, tau) for value, tau in zip(ccc, grid_s, strict=True) if value is not None]
    if not known:
        raise DataError("The CCC of the validation predictions is undefined: nothing varies.")
    return SmoothingFit(min(known)[1], tuple(grid_s), tuple(ccc))


def _tracks(predictions: Predictions) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Rows of each track of each clip, in time order."""
    _, clip = np.unique(predictions.clip, return_inverse=True)
    seen = np.flatnonzero(predictions.track != NO_TRACK)
    if len(seen) == 0:
        return []
    order = seen[np.lexsort((seen, predictions.track[seen], clip[seen]))]
    ends = (np.diff(clip[order]) != 0) | (np.diff(predictions.track[order]) != 0)
    return np.split(order, np.flatnonzero(ends) + 1)
