"""`metrics.json`: one run's metrics with intervals, and what they hold for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affect_training.errors import DataError
from affect_training.evaluate.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    SEED,
    Interval,
    intervals,
)
from affect_training.evaluate.metrics import Agreement, Measured, measure, spread
from affect_training.evaluate.predictions import Predictions, PredictionSource
from affect_training.ratings.disk import replacing
from affect_training.ratings.types import Split

METRICS_FILE: Final = "metrics.json"
PREDICTIONS_FILE: Final = "predictions.parquet"

NOT_VALIDATED_FOR: Final = (
    "Any use beyond measuring agreement with these ratings of these clips. Nothing here was "
    "validated for decisions about people (diagnosis, hiring, grading, monitoring), for other "
    "populations, cameras or settings, or as a reading of what a person feels. Where clips are "
    "synthetic their labels are a mapping from face movements, and agreement with it says "
    "nothing about agreement with people's ratings."
)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(_Model):
    """A metric, null where undefined, and its interval, null where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Estimates(_Model):
    """One dimension, or the mean of both."""

    ccc: Estimate
    pcc: Estimate
    mse: Estimate


class SubjectSpread(_Model):
    """One value's spread over subjects; `undefined` of them have none."""

    subjects: int
    undefined: int
    lower_quartile: float
    median: float
    upper_quartile: float


class SubjectRow(_Model):
    """One subject's mean over both dimensions; null where undefined."""

    subject: str
    samples: int
    ccc: float | None
    mse: float


class Bootstrap(_Model):
    """How the intervals came about: percentiles over resampled subjects."""

    resamples: int
    seed: int
    confidence: float


class RunMetrics(_Model):
    """What `metrics.json` holds."""

    format_version: Literal[1] = 1
    source: PredictionSource
    split: Split
    clips: int
    subjects: int = Field(description="With a scored sample.")
    samples: int
    rated: int
    scored: int = Field(description="Rated and with a face: what the metrics are taken over.")
    coverage: float = Field(gt=0, le=1, description="scored / rated.")
    valence: Estimates
    arousal: Estimates
    mean: Estimates
    subject_ccc: SubjectSpread | None = Field(description="Of each subject's mean CCC.")
    subject_mse: SubjectSpread | None
    per_subject: tuple[SubjectRow, ...]
    bootstrap: Bootstrap
    not_validated_for: str = NOT_VALIDATED_FOR


def evaluate(predictions: Predictions, resamples: int = RESAMPLES, seed: int = SEED) -> RunMetrics:
    """Metrics, intervals and spread of a split's predictions.

    Raises:
        DataError: as `measure`.
    """
    measured = measure(predictions)
    scored = predictions.scored
    bounds = intervals(
        predictions.subject[scored],
        predictions.predicted[scored],
        predictions.gold[scored],
        resamples,
        seed,
    )
    scores = measured.scores
    means = [(one.subject, one.scores.samples, one.scores.mean) for one in measured.subjects]
    return RunMetrics(
        source=predictions.source,
        split=predictions.split,
        clips=measured.clips,
        subjects=len(measured.subjects),
        samples=measured.samples,
        rated=measured.rated,
        scored=measured.scored,
        coverage=measured.coverage,
        valence=_estimates(scores.valence, bounds["valence"]),
        arousal=_estimates(scores.arousal, bounds["arousal"]),
        mean=_estimates(scores.mean, bounds["mean"]),
        subject_ccc=_spread(measured, "ccc"),
        subject_mse=_spread(measured, "mse"),
        per_subject=tuple(
            SubjectRow(subject=subject, samples=samples, ccc=mean.ccc, mse=mean.mse)
            for subject, samples, mean in means
        ),
        bootstrap=Bootstrap(resamples=resamples, seed=seed, confidence=CONFIDENCE),
    )


def write_metrics(path: Path, metrics: RunMetrics) -> None:
    """Write `metrics.json`, in one step."""
    with replacing(path) as file:
        file.write((metrics.model_dump_json(indent=2) + "\n").encode())


def read_metrics(path: Path) -> RunMetrics:
    """Read what `write_metrics` wrote.

    Raises:
        DataError: the file is missing or is not one that this version knows.
    """
    try:
        return RunMetrics.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise DataError(
            f"{path} is not what this version of affectline writes; evaluate again. {error}"
        ) from error


def _estimates(found: Agreement, bounds: Mapping[str, Interval | None]) -> Estimates:
    def estimate(name: str, value: float | None) -> Estimate:
        interval = bounds[name]
        if interval is None:
            return Estimate(value=value)
        return Estimate(value=value, low=interval.low, high=interval.high)

    return Estimates(
        ccc=estimate("ccc", found.ccc),
        pcc=estimate("pcc", found.pcc),
        mse=estimate("mse", found.mse),
    )


def _spread(measured: Measured, name: Literal["ccc", "mse"]) -> SubjectSpread | None:
    found = spread([getattr(one.scores.mean, name) for one in measured.subjects])
    if found is None:
        return None
    return SubjectSpread(
        subjects=found.subjects,
        undefined=found.undefined,
        lower_quartile=found.lower_quartile,
        median=found.median,
        upper_quartile=found.upper_quartile,
    )
