"""`affect-train fit`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import torch.hub
import typer
from rich.console import Console
from rich.table import Table

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.fit.folders import StageResult
from affect_training.fit.recipe import read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER
from affect_training.fit.run import fit as fit_recipe
from affect_training.numerals import decimals

_console = Console(stderr=True)

FramesSet = Annotated[
    Path | None,
    typer.Option(help="A prepared set for stages of single frames; without it, PREPARED."),
]


def fit(
    recipe: Annotated[Path, typer.Argument(help="YAML; training/configs has some to start from.")],
    prepared: Annotated[Path, typer.Argument(help="What affect-train prepare made.")],
    run: Annotated[Path, typer.Argument(help="Folder for checkpoints, logs and the model.")],
    *,
    frames: FramesSet = None,
    trained_on: Annotated[
        str, typer.Option(help="What the clips are; shown in every answer of the model.")
    ],
) -> None:
    """Train a recipe. Called again, it goes on where it stopped; torchrun spreads it out."""
    quiet_lightning()
    with reported(_console), bars(_console) as progress:
        results = fit_recipe(
            read_recipe(recipe),
            prepared,
            run,
            frames_folder=frames,
            trained_on=trained_on,
            cache=weights_cache(),
            progress=progress,
        )
    _console.print(stage_table(results))
    _console.print(f"checkpoint: {run / CHECKPOINT_FOLDER}", highlight=False)


def weights_cache() -> Path:
    """Where published weights are kept, as torch.hub has it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def quiet_lightning() -> None:
    """Warnings only: Lightning tells of each trainer it builds, and of its products."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


def stage_table(results: list[StageResult]) -> Table:
    """How each stage ended."""
    table = Table("stage", "epochs", "best validation CCC (mean)")
    for result in results:
        table.add_row(result.stage, str(result.epochs), decimals(result.val_ccc))
    return table
