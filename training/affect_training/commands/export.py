"""`affect-train export` and `affect-train untrained`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import DownloadColumn

from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.spec import ModelSpec
from affect_training.card import model_card
from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.commands.fit import weights_cache
from affect_training.errors import TrainingError
from affect_training.evaluate.results import RunMetrics, read_metrics
from affect_training.export import export_archive
from affect_training.initial import BackboneWeights, initial_model
from affect_training.networks.imagenet import DownloadError

_console = Console(stderr=True)

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
    model_store: ModelStore = Path("model_store"),
) -> None:
    """Turn a trained checkpoint into the archive that TorchServe serves."""
    with reported(_console):
        loaded = load_checkpoint(checkpoint)
        measured = None if metrics is None else _metrics_of(loaded, metrics)
        card = model_card(loaded.spec, measured)
        with _console.status("writing the archive"):
            archive = export_archive(loaded.model, loaded.spec, card, model_store)
    _report(archive, loaded.spec)


def untrained(
    *,
    model_store: ModelStore = Path("model_store"),
    backbone: Annotated[
        BackboneWeights,
        typer.Option(help="auto: ImageNet's weights (548 MB) if they can be had, else seeded."),
    ] = BackboneWeights.AUTO,
) -> None:
    """Write an archive of an untrained model, for trying the service out."""
    with reported(_console):
        with bars(_console, DownloadColumn()) as progress:
            try:
                model, spec = initial_model(backbone, weights_cache(), progress("ImageNet weights"))
            except DownloadError as error:
                raise TrainingError(f"{error} --backbone seeded needs no download.") from error
        with _console.status("writing the archive"):
            archive = export_archive(model, spec, model_card(spec, None), model_store)
    _report(archive, spec)


def _metrics_of(checkpoint: Checkpoint, path: Path) -> RunMetrics:
    metrics = read_metrics(path)
    if metrics.source.weights_sha256 != checkpoint.weights_sha256:
        raise TrainingError(
            f"{path} was measured with other weights than the checkpoint's: evaluate it first."
        )
    return metrics


def _report(archive: Path, spec: ModelSpec) -> None:
    _console.print(
        f"{archive}  {archive.stat().st_size / 1e6:.0f} MB  {spec.architecture.name}\n"
        f"trained on: {spec.provenance.trained_on}"
    )
