"""`affect-train groups`: error by group of people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from affect_training.commands.failures import reported
from affect_training.evaluate.bootstrap import RESAMPLES, SEED
from affect_training.evaluate.groups import GroupError, group_errors, read_groups
from affect_training.evaluate.predictions import read_predictions
from affect_training.numerals import decimals

_console = Console(stderr=True)


def groups(
    predictions: Annotated[Path, typer.Argument(help="What affect-train evaluate wrote.")],
    people: Annotated[
        Path, typer.Argument(help="CSV or Parquet: `subject` and what is known of each.")
    ],
    *,
    most: Annotated[
        float | None,
        typer.Option(min=1, help="Fail where a group's MSE is more than so many times the mean."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="For the intervals.")] = RESAMPLES,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = SEED,
) -> None:
    """The MSE of groups of people, by every column that says one thing of each person.

    A rendered set's manifest.parquet has skin, age, gender, beard, glasses and more.
    """
    with reported(_console):
        said = read_predictions(predictions)
        scored = set(said.subject[said.scored].tolist())
        found = group_errors(said, read_groups(people, scored), resamples, seed)
    Console().print(_table(found))
    _console.print(Text(f"Weights trained on: {said.source.trained_on}"))
    worse = [f"{one.attribute} {one.group}" for one in found if most and one.ratio > most]
    if worse:
        _console.print(Text(f"Above {most:g} times the mean: {', '.join(worse)}", style="red"))
        raise typer.Exit(1)


def _table(found: list[GroupError]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column("")
    for name in ("people", "samples", "MSE", "of the mean"):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    for one in found:
        if one.attribute != before:
            table.add_row(Text(one.attribute, style="bold"), end_section=False)
            before = one.attribute
        bounds = one.interval
        between = (
            "" if bounds is None else f" [{decimals(bounds.low, 2)}, {decimals(bounds.high, 2)}]"
        )
        table.add_row(
            f"  {one.group}", str(one.subjects), str(one.samples), decimals(one.mse, 4),
            decimals(one.ratio, 2) + between,
        )  # fmt: skip
    return table
