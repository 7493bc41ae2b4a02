"""`affect-train confidence`: weights that say of each frame how sure they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.model import AffectModel
from affect_core.spec import ConfidenceSpec
from affect_training.commands.bars import bars
from affect_training.commands.evaluate import CheckpointFolder, PreparedFolder
from affect_training.commands.failures import reported
from affect_training.confidence import Calibration, learn_confidence
from affect_training.dataset.prepared import open_prepared
from affect_training.numerals import decimals

_console = Console(stderr=True)
_DEFAULT: Final = ConfidenceSpec()


def confidence(
    checkpoint: CheckpointFolder,
    prepared: PreparedFolder,
    out: Annotated[Path, typer.Argument(help="Folder for the checkpoint with confidence.")],
    *,
    tolerance: Annotated[
        float, typer.Option(help="A frame is right with both outputs this near.")
    ] = _DEFAULT.tolerance,
    views: Annotated[int, typer.Option(min=0, help="Augmented copies to learn from.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the augmentation.")] = 0,
) -> None:
    """Learn, on the validation split, how often frames that look like this one come out right."""
    spec = ConfidenceSpec(features=_DEFAULT.features, tolerance=tolerance)
    with reported(_console):
        known, opened = load_checkpoint(checkpoint), open_prepared(prepared)
        # Before the work, so that a path that cannot be is no work lost.
        out.mkdir(parents=True, exist_ok=True)
        with bars(_console) as progress:
            head, calibration = learn_confidence(
                known.model, opened, spec, smoothing_s=known.spec.output_smoothing_s,
                views=views, seed=seed, advance=progress("crops"),
            )  # fmt: skip
        model = known.model
        sure = AffectModel(model.backbone, model.temporal, known.spec.preprocess, head)
        architecture = known.spec.architecture.model_copy(update={"confidence": spec})
        save_checkpoint(out, sure, known.spec.model_copy(update={"architecture": architecture}))
    Console().print(_table(calibration, tolerance))
    _console.print(f"{out}", markup=False)


def _table(calibration: Calibration, tolerance: float) -> Table:
    table = Table(
        title=f"Frames within {tolerance:g}, calibration error {calibration.error:.3f}",
        title_justify="left",
    )
    for name in ("confidence", "came out right", "frames"):
        table.add_column(name, justify="right")
    rows = zip(calibration.confidence, calibration.share, calibration.count, strict=True)
    for sure, share, count in rows:
        table.add_row(decimals(sure, 2), decimals(share, 2), str(count))
    return table
