"""Predictions made up for the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from affect_training.evaluate.predictions import NO_TRACK, Predictions, PredictionSource
from affect_training.ratings.types import Floats, Split

MakePredictions = Callable[..., Predictions]


def source_of(architecture: str = "vgg19-convlstm", smoothing_s: float = 0.0) -> PredictionSource:
    return PredictionSource(
        architecture=architecture,
        weights_sha256="ab" * 32,
        trained_on="made-up clips of nobody",
        output_smoothing_s=smoothing_s,
        sample_fps=5.0,
        manifest="labels.csv",
        manifest_sha256="cd" * 32,
        gold="mean",
    )


def predictions_of(
    predicted: Floats,
    gold: Floats,
    *,
    clips: int = 1,
    subjects: int = 1,
    split: Split = "test",
    architecture: str = "vgg19-convlstm",
    smoothing_s: float = 0.0,
) -> Predictions:
    """Rows shared out over clips, clips over subjects; one track in each clip."""
    rows = len(predicted)
    clip = np.arange(rows) * clips // rows
    face = ~np.isnan(predicted[:, 0])
    first = np.searchsorted(clip, clip)
    sample = np.arange(rows) - first
    return Predictions(
        source=source_of(architecture, smoothing_s),
        split=split,
        clip=np.array([f"clip-{c:04d}.mp4" for c in clip]),
        subject=np.array([f"subject-{c % subjects:03d}" for c in clip]),
        sample=sample,
        time_s=sample / 5,
        predicted=predicted,
        gold=gold,
        track=np.where(face, 0, NO_TRACK),
        score=np.where(face, 0.9, np.nan),
    )


@pytest.fixture(scope="session")
def make_predictions() -> MakePredictions:
    return predictions_of
