"""Intervals for the metrics, by resampling subjects.

Samples of one person are not independent, so whole subjects are drawn with replacement: the
cluster bootstrap (Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x), with percentile
intervals (Efron and Tibshirani 1993, chapter 13). With few subjects, say fewer than 20, such
intervals are too narrow (Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414).

A resample's metrics follow exactly from sums over subjects, so no resample is ever built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affect_training.evaluate.predictions import DIMENSIONS, Texts
from affect_training.ratings.types import Floats

RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
SEED: Final = 20200921
FEW_SUBJECTS: Final = 20


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds that `CONFIDENCE` of the resamples lie between."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"interval from {self.low} to {self.high}")


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over samples, float64 (..., 2): one entry for each dimension.

    x is predicted and y gold, both less the same constant, which changes no metric and keeps
    the squares from cancelling.
    """

    n: Floats
    x: Floats
    y: Floats
    xx: Floats
    yy: Floats
    xy: Floats

    def ccc(self) -> Floats:
        """As `metrics.agreement`: variances over n - 1; NaN where undefined."""
        x, y, xy = self._spreads()
        gap = (self.n - 1) * ((self.x - self.y) / self.n) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            ccc = np.clip(2 * xy / (x + y + gap), -1, 1)
        return np.where(self.n > 1, ccc, np.nan)

    def pcc(self) -> Floats:
        """Pearson's correlation; NaN where either side does not vary."""
        x, y, xy = self._spreads()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.clip(xy / np.sqrt(x * y), -1, 1))

    def mse(self) -> Floats:
        """Mean squared error."""
        return np.asarray(np.maximum(self.xx - 2 * self.xy + self.yy, 0) / self.n)

    def _spreads(self) -> tuple[Floats, Floats, Floats]:
        """Sums of squared deviations of x and y, and of their product.

        What rounding leaves of a side that does not vary counts as nothing.
        """
        x, y = self.xx - self.x**2 / self.n, self.yy - self.y**2 / self.n
        still = 1e-12 * np.maximum(self.xx, self.yy)
        x, y = np.where(x <= still, 0.0, x), np.where(y <= still, 0.0, y)
        xy = np.where((x == 0) | (y == 0), 0.0, self.xy - self.x * self.y / self.n)
        return x, y, xy


def subject_sums(subject: Texts, predicted: Floats, gold: Floats) -> Sums:
    """The sums of each subject, (S, 2), subjects in sorted order.

    Args:
        subject: (n,), n >= 1.
        predicted: float64 (n, 2) without NaN.
        gold: likewise.
    """
    if not len(subject) == len(predicted) == len(gold) > 0:
        raise ValueError(f"{len(subject)} subjects, {len(predicted)} and {len(gold)} values")
    centre = gold.mean(axis=0)
    x, y = predicted - centre, gold - centre
    names, codes = np.unique(subject, return_inverse=True)

    def total(values: Floats) -> Floats:
        sums = np.zeros((len(names), 2))
        np.add.at(sums, codes, values)
        return sums

    return Sums(total(np.ones_like(x)), total(x), total(y), total(x**2), total(y**2), total(x * y))


def resample(sums: Sums, draws: NDArray[np.int64]) -> Sums:
    """Sums over resamples, (R, 2), where `draws` (R, S) says how often each subject is in."""
    times = draws.astype(np.float64)
    return Sums(
        times @ sums.n,
        times @ sums.x,
        times @ sums.y,
        times @ sums.xx,
        times @ sums.yy,
        times @ sums.xy,
    )


def draw_subjects(subjects: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """(R, S): how often each of S subjects comes up in S draws with replacement."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(subjects, np.full(subjects, 1 / subjects), size=resamples)


def intervals(
    subject: Texts,
    predicted: Floats,
    gold: Floats,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Interval | None]]:
    """Intervals of ccc, pcc and mse for valence, arousal and their mean.

    None where there is a single subject, or where some resample leaves the metric undefined.

    Args:
        subject: (n,), n >= 1.
        predicted: float64 (n, 2) without NaN: valence and arousal.
        gold: likewise.
        resamples: how many; at least 1,000 for the ends of a 95 % interval.
        seed: the same seed gives the same intervals.
    """
    sums = subject_sums(subject, predicted, gold)
    drawn = resample(sums, draw_subjects(len(sums.n), resamples, seed))
    values = {"ccc": drawn.ccc(), "pcc": drawn.pcc(), "mse": drawn.mse()}
    alone = len(sums.n) == 1
    found: dict[str, dict[str, Interval | None]] = {name: {} for name in (*DIMENSIONS, "mean")}
    for metric, pairs in values.items():
        columns = (*pairs.T, pairs.mean(axis=1))
        for name, column in zip(found, columns, strict=True):
            found[name][metric] = None if alone else interval_of(column)
    return found


def interval_of(values: Floats) -> Interval | None:
    """The percentile interval of a resampled value, (R,); None where one is undefined."""
    if np.isnan(values).any():
        return None
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail]).tolist()
    return Interval(low, high)
