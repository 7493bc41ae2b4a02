"""How well predictions agree with the gold standard, over a whole split and by subject.

CCC = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2)      (Lin 1989, doi:10.2307/2532051)

over all scored samples of the split, concatenated, as the paper has it; never a mean of CCCs of
clips. torchmetrics, which computes it, takes variances and covariance with n - 1, where Lin has n:
a CCC is at most 1 / n of itself larger that way (0.0005 of it at 2,000 samples, but up to half at
two). The same definition holds everywhere here. All of it is float64: in float32 torchmetrics
answers NaN where the variance is less than 0.00035 of the largest squared deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torchmetrics.functional.regression import (
    concordance_corrcoef,
    mean_squared_error,
    pearson_corrcoef,
)

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.errors import DataError
from affect_training.evaluate.predictions import Predictions
from affect_training.ratings.types import Floats


@dataclass(frozen=True, slots=True)
class Agreement:
    """CCC and PCC in [-1, 1], None where undefined; MSE >= 0 in squared units of the plane."""

    ccc: float | None
    pcc: float | None
    mse: float

    def __post_init__(self) -> None:
        for name, value in (("ccc", self.ccc), ("pcc", self.pcc)):
            if value is not None and not -1 <= value <= 1:
                raise ValueError(f"{name} {value} is outside [-1, 1]")
        if not self.mse >= 0:
            raise ValueError(f"mse {self.mse} is negative")


@dataclass(frozen=True, slots=True)
class Scores:
    """Both dimensions over the same samples."""

    samples: int
    valence: Agreement
    arousal: Agreement

    @property
    def mean(self) -> Agreement:
        """The mean of the two, as the paper's tables have it; None where either is."""
        a, b = self.valence, self.arousal
        return Agreement(_mean(a.ccc, b.ccc), _mean(a.pcc, b.pcc), (a.mse + b.mse) / 2)


@dataclass(frozen=True, slots=True)
class SubjectScores:
    """One subject's scored samples."""

    subject: str
    scores: Scores


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles over the subjects for whom the value is defined."""

    subjects: int
    undefined: int
    lower_quartile: float
    median: float
    upper_quartile: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of one split.

    `samples`: all; `rated`: of them, rated; `scored`: of these, with a face. Only the last
    count in `scores`.
    """

    clips: int
    samples: int
    rated: int
    scored: int
    scores: Scores
    subjects: tuple[SubjectScores, ...]

    @property
    def coverage(self) -> float:
        """Rated samples with a face over rated samples, in (0, 1]."""
        return self.scored / self.rated


def agreement(predicted: Floats, gold: Floats) -> Agreement:
    """One dimension's agreement.

    Undefined are the PCC where either side does not vary, and the CCC of a single sample or of
    two equal constants, where its formula is 0 / 0. One constant side makes the CCC 0, by the
    formula; torchmetrics would answer NaN.

    Args:
        predicted: float64 (n,), n >= 1, no NaN.
        gold: likewise.
    """
    if predicted.shape != gold.shape or predicted.ndim != 1 or len(predicted) == 0:
        raise ValueError(f"predicted {predicted.shape} and gold {gold.shape}")
    if np.isnan(predicted).any() or np.isnan(gold).any():
        raise ValueError("missing values do not count; leave them out before")
    x = torch.from_numpy(np.ascontiguousarray(predicted, dtype=np.float64))
    y = torch.from_numpy(np.ascontiguousarray(gold, dtype=np.float64))
    mse = mean_squared_error(x, y).item()
    if np.ptp(predicted) == 0 or np.ptp(gold) == 0:
        undefined = len(predicted) == 1 or mse == 0
        return Agreement(None if undefined else 0.0, None, mse)
    # Rounding takes the CCC of a trace with itself to 1 + 2e-16.
    ccc = min(1.0, max(-1.0, concordance_corrcoef(x, y).item()))
    return Agreement(ccc, pearson_corrcoef(x, y).item(), mse)


def score(predicted: Floats, gold: Floats) -> Scores:
    """Both dimensions of (n, 2) arrays of valence and arousal without NaN."""
    return Scores(
        samples=len(predicted),
        valence=agreement(predicted[:, VALENCE], gold[:, VALENCE]),
        arousal=agreement(predicted[:, AROUSAL], gold[:, AROUSAL]),
    )


def measure(predictions: Predictions) -> Measured:
    """The metrics of a split.

    Raises:
        DataError: no sample is both rated and answered.
    """
    scored = predictions.scored
    if not scored.any():
        raise DataError(
            f"Nothing to measure in the split {predictions.split}: of {len(scored)} samples "
            f"{predictions.rated.sum()} are rated and {predictions.has_face.sum()} show a face, "
            "and none is both. See the report of the prepared set."
        )
    subject = predictions.subject[scored]
    predicted, gold = predictions.predicted[scored], predictions.gold[scored]
    return Measured(
        clips=len(np.unique(predictions.clip)),
        samples=len(scored),
        rated=int(predictions.rated.sum()),
        scored=int(scored.sum()),
        scores=score(predicted, gold),
        subjects=tuple(
            SubjectScores(str(name), score(predicted[subject == name], gold[subject == name]))
            for name in np.unique(subject)
        ),
    )


def spread(values: Sequence[float | None]) -> Spread | None:
    """The spread of one value over subjects; None where it is defined for none.

    Quartiles interpolate linearly (Hyndman and Fan 1996, definition 7).
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    lower, median, upper = np.percentile(known, [25, 50, 75]).tolist()
    return Spread(len(values), len(values) - len(known), lower, median, upper)


def _mean(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2
