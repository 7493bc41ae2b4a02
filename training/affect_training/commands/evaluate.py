"""`affect-train evaluate` and `affect-train smooth`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from affect_core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.model import AffectModel
from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.dataset.prepared import open_prepared
from affect_training.evaluate.bootstrap import RESAMPLES, SEED
from affect_training.evaluate.measure import measure_checkpoint
from affect_training.evaluate.predict import predict
from affect_training.evaluate.report import summary
from affect_training.evaluate.results import METRICS_FILE, PREDICTIONS_FILE
from affect_training.evaluate.smoothing import fit_smoothing
from affect_training.numerals import decimals

_console = Console(stderr=True)


class SplitName(str, Enum):
    """A split, as the command line takes it."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


CheckpointFolder = Annotated[
    Path, typer.Argument(help="Folder with weights.safetensors and spec.json.")
]
PreparedFolder = Annotated[Path, typer.Argument(help="What affect-train prepare made.")]
ClipsFolder = Annotated[
    Path | None, typer.Option(help="Folder of the clips, if they moved since they were prepared.")
]
Gpu = Annotated[int | None, typer.Option(help="Number of the GPU; without it, the CPU.")]


def evaluate(
    checkpoint: CheckpointFolder,
    prepared: PreparedFolder,
    out: Annotated[Path, typer.Argument(help="Folder for predictions.parquet and metrics.json.")],
    *,
    split: Annotated[SplitName, typer.Option(help="Which clips.")] = SplitName.TEST,
    clips: ClipsFolder = None,
    gpu: Gpu = None,
    resamples: Annotated[int, typer.Option(min=1, help="For the intervals.")] = RESAMPLES,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = SEED,
) -> None:
    """Run a model over a split's clips and measure it: CCC, PCC, MSE with intervals."""
    with reported(_console), bars(_console) as progress:
        metrics = measure_checkpoint(
            load_checkpoint(checkpoint),
            open_prepared(prepared),
            split.value,
            out,
            DeviceChoice.of(gpu),
            progress=progress,
            clips=clips,
            resamples=resamples,
            seed=seed,
        )
    Console().print(summary(metrics))
    _console.print(f"{out / PREDICTIONS_FILE}\n{out / METRICS_FILE}", markup=False)


def smooth(
    checkpoint: CheckpointFolder,
    prepared: PreparedFolder,
    out: Annotated[Path, typer.Argument(help="Folder for the checkpoint with the filter.")],
    *,
    clips: ClipsFolder = None,
    gpu: Gpu = None,
) -> None:
    """Fit the causal low-pass over a model's outputs on the validation split."""
    with reported(_console):
        plain, opened = _with_smoothing(load_checkpoint(checkpoint), 0.0), open_prepared(prepared)
        # Before the work, so that a path that cannot be is no work lost.
        out.mkdir(parents=True, exist_ok=True)
        device = DeviceChoice.of(gpu)
        with bars(_console) as progress:
            predictions = predict(
                plain, opened, "validation", device, progress=progress, clips=clips
            )
        with _console.status("trying time constants"):
            fit = fit_smoothing(predictions)
        # Loaded again: the pipeline has moved the first one's model to its device.
        best = _without_confidence(_with_smoothing(load_checkpoint(checkpoint), fit.best_s))
        save_checkpoint(out, best.model, best.spec)
    for tau, ccc in zip(fit.tau_s, fit.ccc, strict=True):
        mark = "  <- chosen" if tau == fit.best_s else ""
        value = "undefined" if ccc is None else decimals(ccc, 4)
        Console().print(f"{tau:7.3f} s  mean CCC {value}{mark}", highlight=False)
    _console.print(f"{out}", markup=False)
    if plain.model.confidence is not None:
        _console.print("The confidence was about other outputs and is left out: learn it again.")


def _with_smoothing(checkpoint: Checkpoint, tau_s: float) -> Checkpoint:
    spec = checkpoint.spec.model_copy(update={"output_smoothing_s": tau_s})
    return Checkpoint(checkpoint.model, spec, checkpoint.weights_sha256)


def _without_confidence(checkpoint: Checkpoint) -> Checkpoint:
    model, spec = checkpoint.model, checkpoint.spec
    architecture = spec.architecture.model_copy(update={"confidence": None})
    return Checkpoint(
        AffectModel(model.backbone, model.temporal, spec.preprocess),
        spec.model_copy(update={"architecture": architecture}),
        checkpoint.weights_sha256,
    )
