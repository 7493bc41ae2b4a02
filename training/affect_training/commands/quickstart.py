"""`affect-train quickstart`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.commands.fit import quiet_lightning
from affect_training.evaluate.report import summary
from affect_training.quickstart import CLIPS, STILLS, quickstart_recipe
from affect_training.quickstart import quickstart as run_quickstart

_console = Console(stderr=True)


def quickstart(
    folder: Annotated[Path, typer.Argument(help="For clips, crops and the run.")] = Path(
        "quickstart"
    ),
    *,
    model_store: Annotated[Path, typer.Option(help="Folder to write the archive into.")] = Path(
        "model_store"
    ),
    people: Annotated[
        int,
        typer.Option(min=10, help="Rendered for the backbone; more take longer and teach more."),
    ] = STILLS.people,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Synthetic clips, training from scratch, evaluation, archive: minutes on two cores."""
    quiet_lightning()
    with reported(_console), bars(_console) as progress:
        metrics, told = run_quickstart(
            folder,
            model_store,
            stills=STILLS.model_copy(update={"people": people}),
            clips=CLIPS,
            recipe=quickstart_recipe(),
            workers=workers,
            progress=progress,
            announce=lambda sentence: _console.print(sentence, highlight=False),
        )
    Console().print(summary(metrics))
    _console.print(told.sentence, highlight=False)
    _console.print(f"{model_store / 'affect.mar'}  serve it with: make serve", highlight=False)
