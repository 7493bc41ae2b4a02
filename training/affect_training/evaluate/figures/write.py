"""All figures that the given data allow, as PNG and SVG, and a page that says what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.errors import DataError
from affect_training.evaluate.figures.circumplex import circumplex
from affect_training.evaluate.figures.curves import Curve, mse_curves
from affect_training.evaluate.figures.labels import Labels, label_histogram, label_plane
from affect_training.evaluate.figures.style import save, styled
from affect_training.evaluate.figures.traces import spread_clips, trace_figure
from affect_training.evaluate.predictions import Predictions
from affect_training.evaluate.results import NOT_VALIDATED_FOR
from affect_training.progress import Progress
from affect_training.ratings.disk import replacing

PAGE: Final = "figures.md"


@dataclass(frozen=True, slots=True, eq=False)
class FigureData:
    """What there is to draw from; each part may be missing, not all.

    `labels`: for 5 and 6. `plane`: for 8. `curves`: for 9 and 10, by model. `predictions`: for
    11 and the circumplex, of one split. `clips`: for 11; none: least, median and greatest error.
    """

    labels: Labels | None = None
    plane: Labels | None = None
    curves: Mapping[str, Mapping[str, Curve]] | None = None
    predictions: Sequence[Predictions] = ()
    clips: Sequence[str] = ()

    def __post_init__(self) -> None:
        splits = {(one.split, one.source.manifest_sha256) for one in self.predictions}
        if len(splits) > 1:
            raise DataError(
                "The predictions are of different splits or manifests and cannot share a figure; "
                "evaluate all models on one."
            )


@dataclass(frozen=True, slots=True)
class _Planned:
    name: str
    caption: str
    draw: Callable[[], Figure]


def write_figures(folder: Path, data: FigureData, progress: Progress) -> list[Path]:
    """Draw what can be drawn; returns the PNG files, in the order of the page.

    Raises:
        DataError: there is nothing to draw, a chosen clip was not predicted, or the folder
            cannot be written.
    """
    planned = list(_plan(data))
    if not planned:
        raise DataError(
            "There is nothing to draw: give a prepared set, predictions or training logs."
        )
    files: list[Path] = []
    advance = progress("figures")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for done, one in enumerate(planned):
            advance(done, len(planned))
            with styled():
                files.append(save(one.draw(), folder, one.name)[0])
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}.") from error
    with replacing(folder / PAGE) as file:
        file.write(_page(planned, data).encode())
    advance(len(planned), len(planned))
    return files


def _plan(data: FigureData) -> Iterator[_Planned]:
    labels, plane = data.labels, data.plane
    if labels is not None:
        yield _Planned(
            "figure-05-arousal-labels",
            "Figure 5. Arousal labels.",
            lambda: label_histogram(labels, AROUSAL),
        )
        yield _Planned(
            "figure-06-valence-labels",
            "Figure 6. Valence labels.",
            lambda: label_histogram(labels, VALENCE),
        )
    if plane is not None:
        yield _Planned(
            "figure-08-plane", "Figure 8. Labels in the affect plane.", lambda: label_plane(plane)
        )
    if data.curves:
        yield from _plan_curves(data.curves)
    if data.predictions:
        yield from _plan_predictions(data.predictions, data.clips)


def _plan_curves(curves: Mapping[str, Mapping[str, Curve]]) -> Iterator[_Planned]:
    about = "Each model from its own training log; validation subjects are not trained on."
    yield _Planned(
        "figure-09-training-mse",
        "Figure 9. Training error by epoch.",
        lambda: mse_curves(curves, "train", about),
    )
    yield _Planned(
        "figure-10-validation-mse",
        "Figure 10. Error by epoch on validation subjects. The paper shows its test set here; "
        "ours is kept for the end.",
        lambda: mse_curves(curves, "val", about),
    )


def _plan_predictions(models: Sequence[Predictions], chosen: Sequence[str]) -> Iterator[_Planned]:
    clips = chosen or spread_clips(models[0])
    how = "chosen by hand" if chosen else f"of least, median or greatest error for {_name(models)}"
    for number, clip in enumerate(clips, start=1):
        yield _Planned(
            f"figure-11-traces-{number}",
            f"Figure 11. Predicted and gold traces of {clip}, a clip {how}.",
            lambda clip=clip: trace_figure(models, clip),  # type: ignore[misc]
        )
    for number, one in enumerate(models, start=1):
        yield _Planned(
            f"circumplex-{number}-{one.source.architecture}",
            f"Gold standard, predictions and errors of {one.source.architecture} in the plane.",
            lambda one=one: circumplex(one),  # type: ignore[misc]
        )


def _name(models: Sequence[Predictions]) -> str:
    return models[0].source.architecture


def _page(planned: Sequence[_Planned], data: FigureData) -> str:
    lines = ["# Figures", ""]
    for one in data.predictions:
        source = one.source
        lines.append(
            f"- {source.architecture} (weights {source.weights_sha256[:12]}), on the {one.split} "
            f"split of {source.manifest}. Trained on: {source.trained_on}"
        )
    lines.append(f"- Not validated for: {NOT_VALIDATED_FOR}")
    for figure in planned:
        lines += ["", f"![{figure.caption}]({figure.name}.png)", "", figure.caption]
    return "\n".join(lines) + "\n"
