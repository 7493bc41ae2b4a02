"""`affect-train synth`: render labelled clips of people who do not exist."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pydantic
import typer
from rich.console import Console

from affect_training.commands.bars import bars
from affect_training.commands.failures import reported
from affect_training.synth.assets import head_file
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set
from affect_training.synth.preview import write_preview

_console = Console(stderr=True)
_DEFAULTS = SynthConfig()


def synth(
    out: Annotated[Path, typer.Argument(help="Folder for clips, labels and manifest.parquet.")],
    *,
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = _DEFAULTS.people,
    clips_per_person: Annotated[
        int, typer.Option(min=1, help="Clips of each.")
    ] = _DEFAULTS.clips_per_person,
    seconds: Annotated[float, typer.Option(help="Length of each clip.")] = _DEFAULTS.seconds,
    fps: Annotated[
        float, typer.Option(help="Frames a second; 5 is what training samples at.")
    ] = _DEFAULTS.fps,
    size: Annotated[int, typer.Option(help="Frame height in pixels.")] = _DEFAULTS.size,
    seed: Annotated[int, typer.Option(help="Other seeds give other people.")] = _DEFAULTS.seed,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    preview: Annotated[
        Path | None,
        typer.Option(help="Write a contact sheet of the set (PNG) here, and render no clip."),
    ] = None,
) -> None:
    """Render labelled clips of people who do not exist.

    A run that was stopped goes on where it was; a finished set is left alone.
    """
    try:
        config = SynthConfig(
            people=people,
            clips_per_person=clips_per_person,
            seconds=seconds,
            fps=fps,
            size=size,
            seed=seed,
        )
    except pydantic.ValidationError as error:
        for wrong in error.errors():
            option = str(wrong["loc"][0]).replace("_", "-")
            _console.print(f"[red]--{option}: {wrong['msg']}[/red]")
        raise typer.Exit(2) from error
    with reported(_console):
        if preview is None:
            _generate(config, out, workers)
        else:
            with _console.status("drawing the contact sheet"):
                write_preview(config, preview)
            _console.print(str(preview))


def _generate(config: SynthConfig, out: Path, workers: int) -> None:
    if not head_file().exists():
        _console.print("The head mesh is built first, once (about a minute).")
    with bars(_console) as progress:
        manifest = generate_set(config, out, workers, progress("clips"))
    frames = config.clips * config.frames_per_clip
    _console.print(f"{manifest}  {config.people} people, {config.clips} clips, {frames} frames")
