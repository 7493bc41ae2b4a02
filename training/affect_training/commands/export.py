"""`affect-train export` and `affect-train untrained`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import DownloadColumn

from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.drift import OutputReference
from affect_core.engine_plan import CpuPrecision, EnginePlan
from affect_core.spec import ModelSpec
from affect_training.calibrate import (
    CalibrationCrops,
    crops_of,
    plan_engines,
    stand_in_crops,
)
from affect_training.card import cpu_note, model_card
from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.commands.fit import weights_cache
from affect_training.dataset.prepared import open_prepared
from affect_training.errors import TrainingError
from affect_training.evaluate.predictions import read_predictions
from affect_training.evaluate.results import RunMetrics, read_metrics
from affect_training.export import export_archive
from affect_training.initial import BackboneWeights, initial_model
from affect_training.networks.imagenet import DownloadError
from affect_training.reference import output_reference

_console = Console(stderr=True)


class CpuPrecisionOption(str, Enum):
    """What CPUs are to compute the backbone in."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"

    @property
    def wanted(self) -> CpuPrecision | None:
        """None where the choice is ours."""
        return None if self is CpuPrecisionOption.AUTO else self.value


PrecisionOption = Annotated[
    CpuPrecisionOption,
    typer.Option(
        help="On CPUs. auto: bfloat16 if this one has it and outputs stay close, else float32."
    ),
]
ModelStore = Annotated[
    Path, typer.Option(help="Folder to write the archive and its configuration into.")
]


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder with weights.safetensors and spec.json.")
    ],
    *,
    metrics: Annotated[
        Path | None, typer.Option(help="metrics.json of its evaluation, for the model card.")
    ] = None,
    calibrate_on: Annotated[
        Path | None,
        typer.Option(help="Prepared set with whose crops precisions are tried; int8 needs one."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="predictions.parquet of its evaluation, against which the service measures drift."
        ),
    ] = None,
    precision: PrecisionOption = CpuPrecisionOption.AUTO,
    model_store: ModelStore = Path("model_store"),
) -> None:
    """Turn a trained checkpoint into the archive that TorchServe serves."""
    with reported(_console):
        loaded = load_checkpoint(checkpoint)
        measured = None if metrics is None else _metrics_of(loaded, metrics)
        spread = None if reference is None else _reference_of(loaded, reference)
        crops = _crops(loaded, calibrate_on, precision)
        with _console.status("trying precisions"):
            plan = plan_engines(loaded.model, crops, precision.wanted)
        card = model_card(loaded.spec, measured, plan)
        with _console.status("writing the archive"):
            archive = export_archive(
                loaded.model, loaded.spec, card, model_store, plan, reference=spread
            )
    _report(archive, loaded.spec, plan)


def untrained(
    *,
    model_store: ModelStore = Path("model_store"),
    backbone: Annotated[
        BackboneWeights,
        typer.Option(help="auto: ImageNet's weights (548 MB) if they can be had, else seeded."),
    ] = BackboneWeights.AUTO,
    precision: PrecisionOption = CpuPrecisionOption.AUTO,
) -> None:
    """Write an archive of an untrained model, for trying the service out."""
    with reported(_console):
        with bars(_console, DownloadColumn()) as progress:
            try:
                model, spec = initial_model(backbone, weights_cache(), progress("ImageNet weights"))
            except DownloadError as error:
                raise TrainingError(f"{error} --backbone seeded needs no download.") from error
        with _console.status("trying precisions"):
            crops = stand_in_crops(spec.preprocess.crop_size)
            plan = plan_engines(model, crops, precision.wanted)
        with _console.status("writing the archive"):
            archive = export_archive(model, spec, model_card(spec, None, plan), model_store, plan)
    _report(archive, spec, plan)


def _crops(
    checkpoint: Checkpoint, folder: Path | None, precision: CpuPrecisionOption
) -> CalibrationCrops:
    size = checkpoint.spec.preprocess.crop_size
    if folder is not None:
        prepared = open_prepared(folder)
        if prepared.info.preprocess.crop_size != size:
            raise TrainingError(
                f"{folder} has crops of {prepared.info.preprocess.crop_size} pixels and the "
                f"checkpoint sees {size}. Prepare its clips with --crop-size {size}."
            )
        return crops_of(prepared)
    if precision is CpuPrecisionOption.INT8:
        raise TrainingError(
            "int8 finds its ranges on crops like those it will see: give a prepared set with "
            "--calibrate-on."
        )
    return stand_in_crops(size)


def _metrics_of(checkpoint: Checkpoint, path: Path) -> RunMetrics:
    metrics = read_metrics(path)
    if metrics.source.weights_sha256 != checkpoint.weights_sha256:
        raise TrainingError(
            f"{path} was measured with other weights than the checkpoint's: evaluate it first."
        )
    return metrics


def _reference_of(checkpoint: Checkpoint, path: Path) -> OutputReference:
    predictions = read_predictions(path)
    if predictions.source.weights_sha256 != checkpoint.weights_sha256:
        raise TrainingError(
            f"{path} was predicted with other weights than the checkpoint's: evaluate it first."
        )
    return output_reference(predictions)


def _report(archive: Path, spec: ModelSpec, plan: EnginePlan) -> None:
    _console.print(
        f"{archive}  {archive.stat().st_size / 1e6:.0f} MB  {spec.architecture.name}\n"
        f"trained on: {spec.provenance.trained_on}\n"
        f"on CPUs: {cpu_note(plan)}"
    )
