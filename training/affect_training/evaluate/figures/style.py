"""What all figures share: type, colours that everyone can tell apart, the affect plane.

Figures are made without pyplot, so nothing opens a window, keeps figures alive or needs a
display.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Circle

COLOURS: Final = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)
"""Okabe and Ito 2008, told apart with any kind of colour vision; yellow is left out on white."""
MARKERS: Final = "osD^vPX*"
"""A second way to tell things apart, for prints without colour."""
INK: Final = "#222222"
FAINT: Final = "#B8B8B8"

_SETTINGS: Final[dict[str, object]] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "affectline",
}
_NOTE_WIDTH_PER_INCH: Final = 20.5
"""Characters of a note's type that fit an inch."""
_NOTE_LINE_IN: Final = 0.125


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures are made, drawn and saved in the house's style."""
    with mpl.rc_context(_SETTINGS):
        yield


def new_figure(width_in: float, height_in: float, note: str) -> Figure:
    """A figure of that many inches, with a note in small type below, for which room is added."""
    lines = textwrap.wrap(note, int(width_in * _NOTE_WIDTH_PER_INCH))
    margin = _NOTE_LINE_IN * len(lines) + 0.12
    total = height_in + margin
    layout = ConstrainedLayoutEngine(rect=(0.01, margin / total, 0.98, 1 - margin / total))
    figure = Figure(figsize=(width_in, total), layout=layout)
    figure.text(
        0.08 / width_in,
        0.06 / total,
        "\n".join(lines),
        fontsize=6.5,
        color="#555555",
        va="bottom",
        linespacing=1.25,
    )
    return figure


def affect_plane(axes: Axes) -> None:
    """Valence to the right and arousal up, both in [-1, 1], with axes and the circle."""
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="valence", ylabel="arousal")
    axes.set_aspect("equal")
    axes.set_xticks((-1, -0.5, 0, 0.5, 1))
    axes.set_yticks((-1, -0.5, 0, 0.5, 1))
    axes.axhline(0, color=FAINT, linewidth=0.7, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.7, zorder=0)
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=0.7, zorder=0))


def name_quadrants(axes: Axes) -> None:
    """Russell's names for the four diagonals (Russell 1980, doi:10.1037/h0077714)."""
    for x, y, name in (
        (1, 1, "excitement"),
        (-1, 1, "distress"),
        (-1, -1, "depression"),
        (1, -1, "relaxation"),
    ):
        axes.text(
            1.02 * x,
            1.02 * y,
            name,
            ha="right" if x > 0 else "left",
            va="top" if y > 0 else "bottom",
            fontsize=8,
            style="italic",
            color="#555555",
        )


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.png (200 dots an inch) and `name`.svg."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    figure.savefig(png, dpi=200)
    # Without the date, the same data give the same file.
    figure.savefig(svg, metadata={"Date": None})
    return png, svg
