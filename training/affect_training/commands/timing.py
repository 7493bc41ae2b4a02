"""`affect-train timing`: how much outputs tremble, and how late they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from affect_training.commands.failures import reported
from affect_training.evaluate.predictions import read_predictions
from affect_training.evaluate.timing import STILL, measure_timing
from affect_training.numerals import decimals

_console = Console(stderr=True)


def timing(
    predictions: Annotated[Path, typer.Argument(help="What affect-train evaluate wrote.")],
) -> None:
    """How much outputs tremble where the ratings stay, and how far they are behind them."""
    with reported(_console):
        said = read_predictions(predictions)
        found = measure_timing(said)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column("")
    for name in ("step on a still face", "pairs", "lag"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        step = "-" if one.step is None else decimals(one.step, 4)
        lag = "-" if one.lag_s is None else f"{decimals(one.lag_s, 2)} s"
        table.add_row(one.dimension, step, str(one.pairs), lag)
    Console().print(table)
    _console.print(Text(f"Still: the rating moves by less than {STILL:g} between two samples."))
    _console.print(Text(f"Weights trained on: {said.source.trained_on}"))
