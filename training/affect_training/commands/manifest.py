"""`affect-train manifest`: ratings in any known format -> one manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.numerals import counted
from affect_training.progress import Advance
from affect_training.ratings.afewva import read_afewva
from affect_training.ratings.affwild import read_affwild
from affect_training.ratings.affwild2 import read_affwild2
from affect_training.ratings.annemo import read_annemo
from affect_training.ratings.files import read_subjects
from affect_training.ratings.manifest import write_manifest
from affect_training.ratings.types import RatedClip

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bring ratings of a known format into one manifest.",
)

Ratings = Annotated[Path, typer.Argument(help="Folder of the ratings.")]
Clips = Annotated[Path, typer.Argument(help="Folder of the videos.")]
Out = Annotated[Path, typer.Argument(help="The manifest to write: .csv or .parquet.")]
Subjects = Annotated[
    Path | None,
    typer.Option(help="CSV clip,subject; without it each video is a subject of its own."),
]


_Reader = Callable[[dict[str, str] | None, Advance], list[RatedClip]]


@app.command("aff-wild2")
def aff_wild2(ratings: Ratings, clips: Clips, out: Out, subjects: Subjects = None) -> None:
    """Aff-Wild2: NAME.txt, header valence,arousal, a line a frame, -5 is invalid."""
    _write(out, subjects, lambda people, told: read_affwild2(ratings, clips, people, told))


@app.command("aff-wild")
def aff_wild(ratings: Ratings, clips: Clips, out: Out, subjects: Subjects = None) -> None:
    """Aff-Wild: valence/NNN.txt and arousal/NNN.txt, a value a line."""
    _write(out, subjects, lambda people, told: read_affwild(ratings, clips, people, told))


@app.command("annemo")
def annemo(ratings: Ratings, clips: Clips, out: Out, subjects: Subjects = None) -> None:
    """RECOLA and ANNEMO: arousal/P16.csv and valence/P16.csv, a column an annotator."""
    _write(out, subjects, lambda people, told: read_annemo(ratings, clips, people, told))


@app.command("afew-va")
def afew_va(
    ratings: Ratings,
    clips: Clips,
    out: Out,
    subjects: Subjects = None,
    *,
    image_fps: Annotated[
        float | None,
        typer.Option(min=0.1, max=240, help="Frames a second, where the clips are images."),
    ] = None,
) -> None:
    """AFEW-VA: 001/001.json beside images, which are written as videos into CLIPS."""
    _write(
        out,
        subjects,
        lambda people, told: read_afewva(ratings, clips, people, told, image_fps=image_fps),
    )


def _write(out: Path, subjects: Path | None, read: _Reader) -> None:
    console = Console(stderr=True)
    with reported(console):
        people = None if subjects is None else read_subjects(subjects)
        with bars(console) as progress:
            clips = read(people, progress("clips"))
        write_manifest(out, clips)
    ratings = sum(len(trace.time_s) for clip in clips for trace in clip.traces)
    shown = len({clip.subject for clip in clips})
    console.print(
        f"{escape(str(out))}  {counted(len(clips), 'clip')}, {counted(shown, 'subject')}, "
        f"{counted(ratings, 'rating')}",
        soft_wrap=True,
    )
