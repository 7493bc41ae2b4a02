"""Several annotators' ratings -> one gold standard at each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affect_training.ratings.types import Floats

Gold = Literal["mean", "ewe"]


@dataclass(frozen=True, slots=True)
class Weights:
    """What an annotator's arousal and valence count, each >= 0."""

    arousal: float
    valence: float


def ewe_weights(ratings: Floats) -> Floats:
    """Each annotator's weight in the evaluator-weighted estimator, float64 (annotators,).

    Grimm and Kroschel, "Evaluation of natural emotions using self assessment manikins" (ASRU
    2005, doi:10.1109/ASRU.2005.1566530): the Pearson correlation between an annotator's ratings
    and the mean of all. We read: over the samples that two or more rated; a correlation that is
    negative, or undefined because the ratings are constant, counts as 0.

    Args:
        ratings: float64 (samples, annotators) of one dimension, NaN where not rated.
    """
    shared = ratings[(~np.isnan(ratings)).sum(axis=1) >= 2]
    if len(shared) == 0:
        return np.zeros(ratings.shape[1])
    mean: Floats = np.nanmean(shared, axis=1)
    weights: Floats = np.zeros(ratings.shape[1])
    for annotator, column in enumerate(shared.T):
        rated = ~np.isnan(column)
        correlation = pearson(column[rated], mean[rated])
        weights[annotator] = correlation if correlation > 0 else 0.0
    return weights


def combine(ratings: Floats, weights: Floats) -> Floats:
    """The weighted mean of those who rated, float64 (samples,); NaN where nobody did.

    A sample that one annotator rated takes that rating, whatever its weight; one that several
    rated, all of weight 0, has no gold standard and is NaN.

    Args:
        ratings: float64 (samples, annotators), NaN where not rated.
        weights: float64 (annotators,), >= 0; all 1 for the plain mean.
    """
    rated = ~np.isnan(ratings)
    alone = rated.sum(axis=1, keepdims=True) == 1
    share = np.where(rated, np.where(alone, 1.0, weights), 0.0)
    total = share.sum(axis=1)
    weighted = (share * np.where(rated, ratings, 0.0)).sum(axis=1)
    # Rounding may carry a mean of values at 1 past 1.
    mean = np.divide(weighted, total, out=np.full(len(ratings), np.nan), where=total > 0)
    return np.asarray(np.clip(mean, -1.0, 1.0), dtype=np.float64)


def gold_standard(
    arousal: Floats, valence: Floats, annotators: Sequence[str], weights: Mapping[str, Weights]
) -> tuple[Floats, Floats]:
    """`combine` of both dimensions; a sample without one has neither (both NaN).

    Args:
        arousal: float64 (samples, annotators).
        valence: as arousal.
        annotators: the columns' names.
        weights: for each annotator.
    """
    gold_arousal = combine(arousal, np.array([weights[name].arousal for name in annotators]))
    gold_valence = combine(valence, np.array([weights[name].valence for name in annotators]))
    missing = np.isnan(gold_arousal) | np.isnan(gold_valence)
    gold_arousal[missing] = np.nan
    gold_valence[missing] = np.nan
    return gold_arousal, gold_valence


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation in [-1, 1]; NaN where a series is constant or has under two values.

    Args:
        x: float64 (n,), finite.
        y: as x.
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    dx, dy = x - x.mean(), y - y.mean()
    return float(np.clip((dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy)), -1.0, 1.0))
