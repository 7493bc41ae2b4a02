"""`affect-train`: the commands of the training side."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import torch.hub
import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from affect_training.export import export_archive
from affect_training.initial import BackboneWeights, DownloadError, initial_model

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_console = Console(stderr=True)


@app.callback()
def main() -> None:
    """Make archives that TorchServe serves."""
    logging.basicConfig(
        level=logging.WARNING,
        handlers=[RichHandler(console=_console, show_path=False)],
        format="%(message)s",
    )


@app.command()
def export(
    model_store: Annotated[
        Path, typer.Option(help="Folder to write the archive and its configuration into.")
    ] = Path("model_store"),
    backbone: Annotated[
        BackboneWeights,
        typer.Option(help="auto: ImageNet's weights (548 MB) if they can be had, else seeded."),
    ] = BackboneWeights.AUTO,
) -> None:
    """Write an archive of an untrained model, for trying the service out."""
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    columns = (TextColumn("ImageNet weights"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=_console, transient=True) as bar:
            task = bar.add_task("download", total=None, visible=False)

            def progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total or None, visible=True)

            model, spec = initial_model(backbone, cache, progress)
        with _console.status("writing the archive"):
            archive = export_archive(model, spec, model_store)
    except DownloadError as error:
        _console.print(f"[red]{error}[/red] --backbone seeded needs no download.")
        raise typer.Exit(1) from error
    _console.print(
        f"{archive}  {archive.stat().st_size / 1e6:.0f} MB  {spec.architecture.name}\n"
        f"trained on: {spec.provenance.trained_on}"
    )
