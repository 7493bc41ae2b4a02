"""`affect-train figures`: what the given data allow to draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.dataset.prepared import open_prepared
from affect_training.evaluate.figures.curves import read_curves
from affect_training.evaluate.figures.labels import Labels
from affect_training.evaluate.figures.sources import emotion_labels, gold_labels
from affect_training.evaluate.figures.write import PAGE, FigureData, write_figures
from affect_training.evaluate.predictions import read_predictions

_console = Console(stderr=True)


def figures(
    out: Annotated[Path, typer.Argument(help="Folder for the figures, PNG and SVG.")],
    *,
    prepared: Annotated[
        Path | None, typer.Option(help="Prepared set: figures 5, 6 and 8, of its labels.")
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(help="A model's predictions.parquet: figure 11, circumplex. May be repeated."),
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(help="NAME=metrics.csv of a training: figures 9 and 10. May be repeated."),
    ] = None,
    clip: Annotated[
        list[str] | None,
        typer.Option(help="A clip for figure 11. Default: least, median and greatest error."),
    ] = None,
) -> None:
    """Draw the paper's figures 5, 6 and 8 to 11, and a circumplex plot, from your data."""
    curves = dict(_curves(text) for text in log or ())
    with reported(_console), bars(_console) as progress:
        labels, plane = _labels(prepared)
        data = FigureData(
            labels=labels,
            plane=plane,
            curves={name: read_curves(path) for name, path in curves.items()},
            predictions=tuple(read_predictions(path) for path in predictions or ()),
            clips=tuple(clip or ()),
        )
        write_figures(out, data, progress)
    _console.print(f"{out / PAGE}", markup=False)


def _curves(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise typer.BadParameter(f"{text!r} is not NAME=metrics.csv", param_hint="--log")
    return name, Path(path)


def _labels(prepared: Path | None) -> tuple[Labels | None, Labels | None]:
    """For figures 5 and 6, and for figure 8: with emotions where the manifest names them."""
    if prepared is None:
        return None, None
    opened = open_prepared(prepared)
    gold = gold_labels(opened)
    manifest = Path(opened.info.manifest)
    named = emotion_labels(manifest) if manifest.is_file() else None
    return gold, named or gold
