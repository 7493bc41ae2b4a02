"""Gold standard and predictions in the plane: where each lies, and where errors point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.errors import DataError
from affect_training.evaluate.figures.style import (
    COLOURS,
    INK,
    affect_plane,
    name_quadrants,
    new_figure,
    styled,
)
from affect_training.evaluate.predictions import Predictions
from affect_training.ratings.types import Floats

_DENSITY_EDGES: Final = np.arange(-20, 21) / 20
_CELLS: Final = 10
"""Of a side, 0.2 wide each."""
_SHADES: Final = LinearSegmentedColormap.from_list("shades", ("#DCE9F5", COLOURS[0], "#00243B"))
"""One hue that only darkens: the same order for everyone."""
LEAST_IN_CELL: Final = 5
"""Samples below which a cell's mean says too little to draw."""


@dataclass(frozen=True, slots=True, eq=False)
class CellErrors:
    """Means by cell of the gold plane, for each of m cells that hold enough samples.

    `gold`, `predicted` float64 (m, 2): valence and arousal. `samples` int64 (m,).
    """

    gold: Floats
    predicted: Floats
    samples: NDArray[np.int64]


def cell_errors(predicted: Floats, gold: Floats, least: int = LEAST_IN_CELL) -> CellErrors:
    """Mean gold and mean predicted of each cell of 0.2 x 0.2.

    Args:
        predicted: float64 (n, 2) without NaN.
        gold: likewise; decides the cell. A cell holds its lower edges, the last ones both.
        least: samples that a cell needs.
    """
    # An edge such as -0.6 is not exact in binary; a value on it belongs to the cell above.
    place = np.floor((gold + 1) / 2 * _CELLS + 1e-9).astype(np.int64).clip(0, _CELLS - 1)
    _, codes, counts = np.unique(
        place[:, VALENCE] * _CELLS + place[:, AROUSAL], return_inverse=True, return_counts=True
    )
    means = []
    for values in (gold, predicted):
        sums = np.zeros((len(counts), 2))
        np.add.at(sums, codes, values)
        means.append(sums / counts[:, None])
    kept = counts >= least
    return CellErrors(means[0][kept], means[1][kept], counts[kept])


def circumplex(predictions: Predictions) -> Figure:
    """Densities of gold and predictions on one scale, and mean errors by cell.

    Raises:
        DataError: no sample is both rated and answered.
    """
    scored = predictions.scored
    if not scored.any():
        raise DataError("No sample is rated and shows a face; there is nothing to draw.")
    gold, predicted = predictions.gold[scored], predictions.predicted[scored]
    source = predictions.source
    with styled():
        figure = new_figure(
            9.6,
            3.0,
            f"{source.architecture} on {predictions.split}: {len(gold)} scored samples of "
            f"{source.manifest}. Arrows go from the mean gold standard of a cell of 0.2 by 0.2 "
            f"to the mean prediction for it; cells of fewer than {LEAST_IN_CELL} samples are left "
            f"out. Trained on: {source.trained_on}",
        )
        left, middle, right = figure.subplots(1, 3)
        shares = [_share(values) for values in (gold, predicted)]
        norm = PowerNorm(0.5, 0, max(float(share.max()) for share in shares))
        image = _density(left, shares[0], norm)
        _density(middle, shares[1], norm)
        left.set_title("Gold standard")
        middle.set_title("Predicted")
        bar = figure.colorbar(image, ax=[left, middle], shrink=0.75, aspect=25, pad=0.02)
        bar.set_label("share of samples in a cell of 0.05 by 0.05", fontsize=7)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
        bar.ax.tick_params(labelsize=7)
        _arrows(right, cell_errors(predicted, gold))
        for axes in (middle, right):
            axes.set_ylabel("")
    return figure


def _share(values: Floats) -> Floats:
    """(40, 40), arousal by valence: share of values in each cell."""
    counts, _, _ = np.histogram2d(
        values[:, AROUSAL], values[:, VALENCE], bins=(_DENSITY_EDGES, _DENSITY_EDGES)
    )
    return np.asarray(counts / len(values))


def _density(axes: Axes, share: Floats, norm: PowerNorm) -> AxesImage:
    affect_plane(axes)
    image = axes.imshow(
        np.where(share > 0, share, np.nan),
        origin="lower",
        extent=(-1, 1, -1, 1),
        cmap=_SHADES,
        norm=norm,
        interpolation="nearest",
        zorder=1,
    )
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
    name_quadrants(axes)
    return image


def _arrows(axes: Axes, cells: CellErrors) -> None:
    affect_plane(axes)
    axes.set_title("Mean error by cell")
    if len(cells.samples):
        move = cells.predicted - cells.gold
        size = 4 + 26 * np.sqrt(cells.samples / cells.samples.max())
        axes.scatter(
            cells.gold[:, VALENCE], cells.gold[:, AROUSAL], s=size, color=INK, linewidths=0
        )
        axes.quiver(
            cells.gold[:, VALENCE],
            cells.gold[:, AROUSAL],
            move[:, VALENCE],
            move[:, AROUSAL],
            angles="xy",
            scale_units="xy",
            scale=1,
            color=COLOURS[1],
            width=0.006,
            headwidth=3.5,
            headlength=4,
            headaxislength=3.6,
            minlength=0,
            zorder=3,
        )
    name_quadrants(axes)
