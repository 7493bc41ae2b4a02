"""Figures 5, 6 and 8: where the ratings lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.evaluate.figures.style import (
    COLOURS,
    INK,
    MARKERS,
    affect_plane,
    name_quadrants,
    new_figure,
    styled,
)
from affect_training.evaluate.predictions import DIMENSIONS, Texts, check_pairs
from affect_training.numerals import decimals
from affect_training.ratings.types import Floats

_BINS: Final = np.arange(-20, 21) / 20
"""Quotients, so that ratings in tenths lie on an edge and not one rounding beside it."""
_DENSE: Final = 3000
"""Points beyond which each is drawn fainter."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Gold standard or ratings: `values` float64 (n, 2), n >= 1, valence and arousal, no NaN.

    `emotion` (n,): a name for each, for description only; "" is none. None: there are none at
    all. `about`: what the values are, in words.
    """

    values: Floats
    emotion: Texts | None
    about: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != 2 or len(self.values) == 0:
            raise ValueError(f"values {self.values.shape}")
        if np.isnan(self.values).any():
            raise ValueError("unrated samples have no place in a figure of labels")
        check_pairs("values", self.values)
        if self.emotion is not None and self.emotion.shape != (len(self.values),):
            raise ValueError(f"{self.emotion.shape} emotions for {len(self.values)} values")


def label_histogram(labels: Labels, dimension: int) -> Figure:
    """Figure 5 (arousal) or 6 (valence): how often each value occurs.

    Args:
        labels: the values.
        dimension: `AROUSAL` or `VALENCE`.
    """
    values, name = labels.values[:, dimension], DIMENSIONS[dimension]
    with styled():
        figure = new_figure(5.2, 3.0, f"{len(values)} values: {labels.about}.")
        axes = figure.subplots()
        share = np.full(len(values), 1 / len(values))
        axes.hist(
            values,
            _BINS.tolist(),
            weights=share,
            color=COLOURS[0],
            edgecolor="white",
            linewidth=0.4,
        )
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        axes.set_xticks((-1, -0.5, 0, 0.5, 1))
        axes.set(title=f"{name.capitalize()} labels", xlabel=name, ylabel="share of values")
        axes.set_xlim(-1.02, 1.02)
        _mark_mean(axes, values)
    return figure


def label_plane(labels: Labels) -> Figure:
    """Figure 8: the labels in the plane; emotions told apart where there are any."""
    with styled():
        width = 4.9 if labels.emotion is None else 6.0
        figure = new_figure(width, 4.4, f"{len(labels.values)} values: {labels.about}.")
        axes = figure.subplots()
        affect_plane(axes)
        axes.set_title("Labels in the affect plane")
        if labels.emotion is None:
            _scatter(axes, labels.values, COLOURS[0], "o", None)
        else:
            _scatter_emotions(axes, labels.values, labels.emotion)
            figure.legend(loc="outside right center", handletextpad=0.3)
        name_quadrants(axes)
    return figure


def _mark_mean(axes: Axes, values: Floats) -> None:
    mean = float(values.mean())
    axes.axvline(mean, color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
    spread = float(values.std())
    text = f"mean {decimals(mean, 2)} (dashed), sd {spread:.2f}"
    axes.set_title(text, loc="right", fontsize=8, weight="normal")


def _scatter_emotions(axes: Axes, values: Floats, emotion: Texts) -> None:
    names = sorted(set(emotion.tolist()) - {""})
    if (emotion == "").any():
        _scatter(axes, values[emotion == ""], "#BBBBBB", ".", "not named")
    for place, name in enumerate(names):
        own = values[emotion == name]
        colour = COLOURS[place % len(COLOURS)]
        _scatter(axes, own, colour, MARKERS[place % len(MARKERS)], name)
    for place, name in enumerate(names):
        x, y = values[emotion == name].mean(axis=0)
        axes.plot(
            x,
            y,
            MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=9,
            markeredgecolor="white",
            markeredgewidth=1.2,
        )
    if names:
        axes.plot(
            [], [], "o", color="white", markeredgecolor=INK, markersize=8, label="large: mean"
        )


def _scatter(axes: Axes, values: Floats, colour: str, marker: str, name: str | None) -> None:
    alpha = 0.5 if len(values) <= _DENSE else max(0.04, 0.5 * _DENSE / len(values))
    axes.scatter(
        values[:, VALENCE],
        values[:, AROUSAL],
        s=9,
        c=colour,
        marker=marker,
        alpha=alpha,
        linewidths=0,
        rasterized=True,
    )
    if name is not None:
        # The points may be too faint for a legend.
        axes.plot([], [], marker, color=colour, markersize=5, label=name)
