"""`affect-train quickstart`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress

from affect_training.commands.failures import reported
from affect_training.commands.fit import BAR_COLUMNS, quiet_lightning
from affect_training.evaluate.report import summary
from affect_training.quickstart import Size
from affect_training.quickstart import quickstart as run_quickstart

_console = Console(stderr=True)
_DEFAULTS: Final = Size()


def quickstart(
    folder: Annotated[Path, typer.Argument(help="For clips, crops and the run.")] = Path(
        "quickstart"
    ),
    *,
    model_store: Annotated[Path, typer.Option(help="Folder to write the archive into.")] = Path(
        "model_store"
    ),
    people: Annotated[
        int, typer.Option(min=10, help="Rendered people; more take longer and teach more.")
    ] = _DEFAULTS.people,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Synthetic clips, training from scratch, evaluation, archive: minutes on two cores."""
    quiet_lightning()
    with (
        reported(_console),
        Progress(*BAR_COLUMNS, console=_console, transient=True) as bar,
    ):
        metrics = run_quickstart(
            folder,
            model_store,
            size=Size(people=people),
            workers=workers,
            bar=bar,
            announce=lambda sentence: _console.print(sentence, highlight=False),
        )
    Console().print(summary(metrics))
    _console.print(f"{model_store / 'affect.mar'}  serve it with: make serve", highlight=False)
