"""`affect-train prepare`: rated clips -> a prepared set."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from affect_core.spec import PreprocessSpec
from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.dataset.prepare import PrepareOptions
from affect_training.dataset.prepare import prepare as make_prepared
from affect_training.dataset.report import REPORT_MARKDOWN
from affect_training.dataset.tables import Report
from affect_training.numerals import decimals
from affect_training.ratings.join import DEFAULT_MAX_AGE_S

_SPEC = PreprocessSpec()


class GoldStandard(str, Enum):
    """How several annotators' ratings become one."""

    MEAN = "mean"
    EWE = "ewe"


class Detector(str, Enum):
    """Who finds the faces."""

    LIBFACEDETECTION = "libfacedetection"
    HAAR = "haar"


def prepare(
    manifest: Annotated[
        Path, typer.Argument(help="CSV or Parquet: clip, subject, time_s, arousal, valence, ...")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the prepared set.")],
    *,
    crop_size: Annotated[
        int, typer.Option(min=32, max=512, help="Pixels of a crop.")
    ] = _SPEC.crop_size,
    crop_margin: Annotated[
        float, typer.Option(min=0, max=1, help="Around the face on each side, in its box's sides.")
    ] = _SPEC.crop_margin,
    sample_fps: Annotated[
        float, typer.Option(min=0.1, max=30, help="Samples a second.")
    ] = _SPEC.sample_fps,
    detector: Annotated[
        Detector, typer.Option(help="haar is the paper's.")
    ] = Detector.LIBFACEDETECTION,
    gold: Annotated[
        GoldStandard, typer.Option(help="Of several annotators: mean, or evaluator-weighted.")
    ] = GoldStandard.MEAN,
    max_age_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds for which a rating holds.")
    ] = DEFAULT_MAX_AGE_S,
    seed: Annotated[int, typer.Option(help="Of the split by subject.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Cut faces out of rated clips and split them by subject, ready for training.

    Stopped runs go on where they were: run the same command again.
    """
    console = Console(stderr=True)
    with reported(console):
        options = PrepareOptions(
            preprocess=PreprocessSpec(
                crop_size=crop_size,
                crop_margin=crop_margin,
                sample_fps=sample_fps,
                detector=detector.value,
            ),
            gold=gold.value,
            rating_max_age_s=max_age_s,
            seed=seed,
        )
        with bars(console) as progress:
            report = make_prepared(manifest, out, options, workers, progress("clips"))
    _show(console, report)
    console.print(f"{out}  details in {out / REPORT_MARKDOWN}")


def _show(console: Console, report: Report) -> None:
    table = Table("split", "subjects", "clips", "samples", "usable")
    for split, part in report.splits.items():
        table.add_row(split, *map(str, (part.subjects, part.clips, part.samples, part.usable)))
    console.print(table)
    totals = report.totals
    console.print(
        f"{totals['samples']} samples: {totals['no_face']} without a face, "
        f"{totals['unrated']} unrated, {totals['usable']} usable"
    )
    for name, found in report.agreement.items():
        if found.alpha is not None:
            alpha = decimals(found.alpha, 2)
            console.print(f"{name}: Cronbach's alpha {alpha}, {found.annotators} annotators")
    for clip in report.dropped:
        sentence = f"{clip.clip} {clip.dropped_code}: {clip.dropped_reason}"
        console.print(f"[yellow]dropped[/yellow] {escape(sentence)}", soft_wrap=True)
