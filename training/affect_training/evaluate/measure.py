"""A checkpoint on a split of a prepared set -> predictions and metrics, as files of a folder."""

from __future__ import annotations

from pathlib import Path

from affect_core.checkpoint import Checkpoint
from affect_core.engines import DeviceChoice
from affect_training.dataset.prepared import PreparedSet
from affect_training.evaluate.bootstrap import RESAMPLES, SEED
from affect_training.evaluate.predict import predict
from affect_training.evaluate.predictions import write_predictions
from affect_training.evaluate.results import (
    METRICS_FILE,
    PREDICTIONS_FILE,
    RunMetrics,
    evaluate,
    write_metrics,
)
from affect_training.progress import Progress
from affect_training.ratings.types import Split


def measure_checkpoint(
    checkpoint: Checkpoint,
    prepared: PreparedSet,
    split: Split,
    out: Path,
    device: DeviceChoice,
    *,
    progress: Progress,
    clips: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> RunMetrics:
    """Predict, measure, and write both: `predictions.parquet` and `metrics.json`.

    Args:
        checkpoint: as `predict` takes it over.
        prepared: where clips and gold standard come from.
        split: which clips.
        out: folder of the files; made if it is not there.
        device: where the model runs.
        progress: told of samples.
        clips: as `gold_clips`.
        resamples: for the intervals.
        seed: of the resampling.

    Raises:
        DataError: as `predict` and `evaluate`.
        OSError: `out` cannot be made or written.
    """
    # Before the work, so that a path that cannot be is no work lost.
    out.mkdir(parents=True, exist_ok=True)
    predictions = predict(checkpoint, prepared, split, device, progress=progress, clips=clips)
    write_predictions(out / PREDICTIONS_FILE, predictions)
    metrics = evaluate(predictions, resamples, seed)
    write_metrics(out / METRICS_FILE, metrics)
    return metrics
