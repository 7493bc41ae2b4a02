"""Figure 11: predicted and gold traces of a clip over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from affect_training.errors import DataError
from affect_training.evaluate.figures.style import COLOURS, FAINT, INK, new_figure, styled
from affect_training.evaluate.predictions import DIMENSIONS, Predictions

_PREDICTED: Final = COLOURS[1]


def spread_clips(predictions: Predictions) -> tuple[str, ...]:
    """The clips with the least, the median and the greatest error: no choice of good ones.

    Raises:
        DataError: no clip has a scored sample.
    """
    scored = predictions.scored
    errors = {
        str(clip): float(_squares(predictions)[scored & (predictions.clip == clip)].mean())
        for clip in np.unique(predictions.clip[scored])
    }
    if not errors:
        raise DataError("No clip has a sample that is rated and shows a face; nothing to draw.")
    order = sorted(errors, key=lambda clip: (errors[clip], clip))
    return tuple(dict.fromkeys((order[0], order[(len(order) - 1) // 2], order[-1])))


def trace_figure(models: Sequence[Predictions], clip: str) -> Figure:
    """A row for each model, a column for each dimension.

    Lines break where there is no face or no rating; samples without a face are shaded.

    Args:
        models: predictions over the same split; at least one.
        clip: as the manifest names it.

    Raises:
        DataError: one of the models has not seen the clip.
    """
    for one in models:
        if clip not in one.clip:
            raise DataError(
                f"There is no clip {clip} in the {one.split} predictions of "
                f"{one.source.architecture}."
            )
    with styled():
        height = 0.5 + 1.45 * len(models)
        figure = new_figure(7.2, height, f"Shaded: no face found. {_trained_on(models)}")
        figure.suptitle(clip, x=0.012, ha="left", fontsize=10, weight="bold")
        panels = figure.subplots(len(models), 2, sharex=True, sharey=True, squeeze=False)
        for row, one in zip(panels, models, strict=True):
            rows = np.flatnonzero(one.clip == clip)
            for dimension, axes in enumerate(row):
                _draw(axes, one, rows, dimension)
            row[0].set_title(one.source.architecture, fontsize=9)
            row[0].set_ylabel(DIMENSIONS[0])
            row[1].set_ylabel(DIMENSIONS[1])
        for axes in panels[-1]:
            axes.set_xlabel("time (s)")
        panels[0][1].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    return figure


def _trained_on(models: Sequence[Predictions]) -> str:
    """What the weights learned from, once where it is the same for all."""
    told = {one.source.architecture: one.source.trained_on for one in models}
    if len(set(told.values())) == 1:
        return f"Trained on: {models[0].source.trained_on}"
    return " ".join(f"{name} was trained on: {text}" for name, text in told.items())


def _draw(axes: Axes, one: Predictions, rows: NDArray[np.int64], dimension: int) -> None:
    time = one.time_s[rows]
    half = 0.5 / one.source.sample_fps
    for start, stop in _runs(~one.has_face[rows]):
        axes.axvspan(time[start] - half, time[stop] + half, color="#ECECEC", linewidth=0, zorder=0)
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=1)
    axes.plot(time, one.gold[rows, dimension], color=INK, linewidth=1.2, label="gold standard")
    axes.plot(time, one.predicted[rows, dimension], color=_PREDICTED, label="predicted")
    _dots(axes, time, one.gold[rows, dimension], INK)
    _dots(axes, time, one.predicted[rows, dimension], _PREDICTED)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks((-1, 0, 1))
    axes.margins(x=0.01)


def _dots(axes: Axes, time: NDArray[np.float64], values: NDArray[np.float64], colour: str) -> None:
    """Samples between two gaps make no line."""
    known = np.isfinite(values)
    for start, stop in _runs(known):
        if start == stop:
            axes.plot(time[start], values[start], ".", color=colour, markersize=4)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last position of each unbroken stretch of True."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _squares(predictions: Predictions) -> NDArray[np.float64]:
    """(n,): the squared error, mean of both dimensions; NaN where not scored."""
    errors: NDArray[np.float64] = ((predictions.predicted - predictions.gold) ** 2).mean(axis=1)
    return errors
