"""`affect report`."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from affect_client.cli import bars, outputs
from affect_client.cli.endings import CommandError, Ending
from affect_client.cli.options import ClipArgument, End, Faces, Fps, Start
from affect_client.cli.outputs import STDOUT
from affect_client.cli.setup import Setup
from affect_client.cli.words import file_name
from affect_client.report import report_parts, write_report


def report(
    ctx: typer.Context,
    clip: ClipArgument,
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Else the clip's name with .html, in the working directory. - is standard output.",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="In the browser, when it is there.")] = False,
    without_clip: Annotated[
        bool,
        typer.Option(
            "--without-clip", help="Numbers and boxes alone: a face is not for everyone to see."
        ),
    ] = False,
    fps: Fps = 5.0,
    faces: Faces = "primary",
    start: Start = 0.0,
    end: End = None,
) -> None:
    """A page to look at: the clip beside its arousal and valence.

    One HTML file that holds the clip, too, and loads nothing.
    """
    setup: Setup = ctx.obj
    if out is None:
        out = f"{'clip' if clip == '-' else Path(clip).stem}.html"
    if show and out == STDOUT:
        raise CommandError("--open needs a file; name one with --out.", Ending.USAGE)
    outputs.require_place(out, [clip])
    # Standard input cannot be read twice.
    data = sys.stdin.buffer.read() if clip == "-" else clip
    name = file_name(clip)
    with setup.client() as client, bars.sending(setup.err, name) as told:
        found = client.predict(
            data, sample_fps=fps, faces=faces, start_s=start, end_s=end, on_upload=told
        )
    played = None if without_clip else data
    title = None if clip == "-" else clip
    if out == STDOUT:
        for part in report_parts(found, played, filename=title):
            sys.stdout.buffer.write(part)
        return
    size = write_report(out, found, played, filename=title)
    told_size = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
    setup.say(f"{out} is written, {told_size}.")
    if show and not webbrowser.open(Path(out).resolve().as_uri()):
        raise CommandError(f"There is no browser to open {out} in.", Ending.REFUSED)
