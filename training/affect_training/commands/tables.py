"""`affect-train table1` and `affect-train table2`: train, measure, print beside the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.commands.fit import FramesSet, quiet_lightning, weights_cache
from affect_training.comparison import run_comparison
from affect_training.evaluate.tables import (
    Which,
    comparison_table,
    read_runs,
    render_markdown,
    render_rich,
)
from affect_training.fit.processes import Processes
from affect_training.fit.recipe import read_recipe
from affect_training.ratings.disk import replacing

_console = Console(stderr=True)

RecipeFile = Annotated[
    Path, typer.Argument(help="YAML; each model takes it with its own backbone and temporal model.")
]
Prepared = Annotated[Path, typer.Argument(help="What affect-train prepare made.")]
Runs = Annotated[Path, typer.Argument(help="Folder with a run for each model.")]
TrainedOn = Annotated[str, typer.Option(help="What the clips are; shown beside the numbers.")]
Out = Annotated[Path | None, typer.Option(help="Markdown file to write the table into as well.")]


def table1(
    recipe: RecipeFile,
    prepared: Prepared,
    runs: Runs,
    *,
    frames: FramesSet = None,
    trained_on: TrainedOn,
    out: Out = None,
) -> None:
    """Train and measure the models of the paper's table 1; print them beside its numbers."""
    _compare("table1", recipe, prepared, runs, frames, trained_on, out)


def table2(
    recipe: RecipeFile,
    prepared: Prepared,
    runs: Runs,
    *,
    frames: FramesSet = None,
    trained_on: TrainedOn,
    out: Out = None,
) -> None:
    """Train and measure VGG19 with ConvLSTM, LSTM and GRU; print them beside table 2's numbers."""
    _compare("table2", recipe, prepared, runs, frames, trained_on, out)


def _compare(  # noqa: PLR0917 the commands' own
    which: Which,
    recipe: Path,
    prepared: Path,
    runs: Path,
    frames: Path | None,
    trained_on: str,
    out: Path | None,
) -> None:
    quiet_lightning()
    with reported(_console):
        with bars(_console) as progress:
            run_comparison(
                which,
                read_recipe(recipe),
                prepared,
                runs,
                frames=frames,
                trained_on=trained_on,
                cache=weights_cache(),
                progress=progress,
                announce=lambda name: _console.print(name, highlight=False),
            )
        if Processes.of_environment().rank > 0:
            return
        table = comparison_table(which, read_runs(runs))
        if out is not None:
            with replacing(out) as file:
                file.write(render_markdown(table).encode())
    Console().print(render_rich(table))
    if out is not None:
        _console.print(f"{out}", markup=False)
