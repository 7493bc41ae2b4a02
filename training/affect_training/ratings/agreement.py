"""How far annotators agree on one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from affect_training.ratings.gold import pearson
from affect_training.ratings.types import Floats


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one dimension; each figure is None where it is undefined.

    `alpha` <= 1 is Cronbach's; `pearson` and `ccc` in [-1, 1] are means over all pairs of
    annotators who share samples. `annotators` and `samples` count those with shared samples.
    """

    alpha: float | None
    pearson: float | None
    ccc: float | None
    annotators: int
    samples: int


def agreement(ratings: Floats) -> Agreement:
    """Agreement between annotators.

    Args:
        ratings: float64 (samples, annotators) of one dimension, NaN where not rated. A pair is
            compared over the samples that both rated, alpha is over those that all rated.
    """
    rated = ~np.isnan(ratings)
    shared = rated.sum(axis=1) >= 2
    pearsons, concordances = [], []
    for one, other in combinations(range(ratings.shape[1]), 2):
        both = rated[:, one] & rated[:, other]
        x, y = ratings[both, one], ratings[both, other]
        pearsons.append(pearson(x, y))
        concordances.append(concordance(x, y))
    return Agreement(
        alpha=_defined(cronbach_alpha(ratings[rated.all(axis=1)])),
        pearson=_mean(pearsons),
        ccc=_mean(concordances),
        annotators=int((rated & shared[:, None]).any(axis=0).sum()),
        samples=int(shared.sum()),
    )


def cronbach_alpha(ratings: Floats) -> float:
    """Cronbach's alpha, at most 1; NaN under two annotators or samples, or without variance.

    Cronbach, "Coefficient alpha and the internal structure of tests" (Psychometrika 16, 1951,
    doi:10.1007/BF02310555), with annotators as items: k / (k - 1) (1 - sum of the annotators'
    variances / variance of their sum).

    Args:
        ratings: float64 (samples, annotators), finite.
    """
    samples, annotators = ratings.shape
    if samples < 2 or annotators < 2:
        return float("nan")
    total = ratings.sum(axis=1)
    if np.ptp(total) == 0:
        return float("nan")
    within = ratings.var(axis=0, ddof=1).sum()
    return float(annotators / (annotators - 1) * (1 - within / total.var(ddof=1)))


def concordance(x: Floats, y: Floats) -> float:
    """Lin's concordance correlation coefficient in [-1, 1]; NaN where both are one constant.

    Lin, "A concordance correlation coefficient to evaluate reproducibility" (Biometrics 45, 1989,
    doi:10.2307/2532051), as the paper gives it: 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2),
    with variances and covariance over n.

    Args:
        x: float64 (n,), finite.
        y: as x.
    """
    if len(x) < 2:
        return float("nan")
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    spread = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * covariance / spread) if spread > 0 else float("nan")


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value


def _mean(values: list[float]) -> float | None:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else None
