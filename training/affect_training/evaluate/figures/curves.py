"""Figures 9 and 10: mean squared error of training and validation, epoch by epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from affect_training.errors import DataError
from affect_training.evaluate.figures.style import COLOURS, MARKERS, new_figure, styled
from affect_training.evaluate.predictions import DIMENSIONS
from affect_training.ratings.types import Floats

Part = Literal["train", "val"]

_EPOCH: Final = "epoch"
_COLUMNS: Final = tuple(f"{part}_mse_{name}" for part in ("train", "val") for name in DIMENSIONS)
_TITLES: Final[dict[Part, str]] = {"train": "Training", "val": "Validation"}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One number over epochs: `epoch` (n,) increasing strictly, `value` (n,); NaN is a gap."""

    epoch: Floats
    value: Floats

    def __post_init__(self) -> None:
        if self.epoch.shape != self.value.shape or self.epoch.ndim != 1:
            raise ValueError(f"{self.epoch.shape} epochs, {self.value.shape} values")
        if (np.diff(self.epoch) <= 0).any():
            raise ValueError("epochs do not increase")


def read_curves(path: Path) -> dict[str, Curve]:
    """The MSE columns of a Lightning `metrics.csv`.

    Lightning writes training and validation into rows of their own and leaves the other's cells
    empty. Where an epoch occurs twice, as after a resumed run, the later row counts.

    Raises:
        DataError: the file cannot be read, a column is missing or has no number, or a cell is
            no number; names the file and the line.
    """
    found: dict[str, dict[float, float]] = {name: {} for name in _COLUMNS}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            absent = [n for n in (_EPOCH, *_COLUMNS) if n not in (rows.fieldnames or ())]
            if absent:
                raise DataError(f"{path} has no column {', '.join(absent)}.")
            for row in rows:
                for name in _COLUMNS:
                    if row[name]:
                        epoch, value = _point(row[_EPOCH], row[name])
                        found[name][epoch] = value
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    except ValueError as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}.") from error
    empty = [name for name, points in found.items() if not points]
    if empty:
        raise DataError(f"{path} has no value of {', '.join(empty)} yet.")
    return {name: _curve(points) for name, points in found.items()}


def mse_curves(models: Mapping[str, Mapping[str, Curve]], part: Part, about: str) -> Figure:
    """Figure 9 (`train`) or 10 (`val`): a panel for each dimension, a line for each model.

    Args:
        models: name to what `read_curves` gives; at least one.
        part: whose error.
        about: what the models saw, in words.
    """
    if not models:
        raise ValueError("no model to draw")
    with styled():
        figure = new_figure(7.2, 3.0, about)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, dimension in zip(panels, DIMENSIONS, strict=True):
            for place, (name, curves) in enumerate(models.items()):
                _draw(axes, curves[f"{part}_mse_{dimension}"], place, name)
            axes.set(title=f"{_TITLES[part]}: {dimension}", xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(axis="y", color="#E6E6E6", linewidth=0.6)
        panels[0].set_ylabel("mean squared error")
        panels[0].set_ylim(bottom=0)
        panels[1].legend(loc="upper right")
    return figure


def _point(epoch: str, value: str) -> tuple[float, float]:
    point = float(epoch), float(value)
    if not 0 <= point[0] < math.inf or point[1] < 0 or math.isinf(point[1]):
        raise ValueError(f"epoch {epoch}, error {value}")
    return point


def _curve(points: Mapping[float, float]) -> Curve:
    epochs = sorted(points)
    return Curve(np.array(epochs), np.array([points[epoch] for epoch in epochs]))


def _draw(axes: Axes, curve: Curve, place: int, name: str) -> None:
    axes.plot(
        curve.epoch,
        curve.value,
        color=COLOURS[place % len(COLOURS)],
        linewidth=1.1,
        marker=MARKERS[place % len(MARKERS)],
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        markevery=max(1, len(curve.epoch) // 8),
        label=name,
    )
