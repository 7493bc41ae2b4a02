"""`affect live`."""

from __future__ import annotations

import json as json_text
import math
import sys
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import monotonic
from typing import Annotated, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from affect_client.cli import show
from affect_client.cli.camera import Shot, filmed, recorded
from affect_client.cli.drawing import glyphs_of
from affect_client.cli.endings import CommandError, Ending
from affect_client.cli.options import Faces, Fps, Json
from affect_client.cli.samples import samples_table
from affect_client.cli.setup import Setup
from affect_client.cli.words import counted
from affect_client.results import Trace
from affect_client.settings import require_positive
from affect_client.wire import Frame

_KEPT_S: Final = 60
"""Seconds of the past that are drawn."""
_SOURCE: Final = "Pictures"


def live(
    ctx: typer.Context,
    *,
    camera: Annotated[
        str,
        typer.Option(
            help="Its number, or a device or URL that OpenCV opens.", rich_help_panel=_SOURCE
        ),
    ] = "0",
    file: Annotated[
        str | None,
        typer.Option(
            metavar="CLIP", help="A recording instead of a camera.", rich_help_panel=_SOURCE
        ),
    ] = None,
    as_fast_as_possible: Annotated[
        bool,
        typer.Option(
            "--as-fast-as-possible",
            help="Do not keep to the recording's pace.",
            rich_help_panel=_SOURCE,
        ),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Stop after so much of it; else at its end or Ctrl-C.",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    fps: Fps = 5.0,
    faces: Faces = "primary",
    json: Json = False,
) -> None:
    """Arousal and valence now, of a camera or a recording.

    The pictures go to the server; neither it nor this stores any. On a terminal the values of now
    and of the last minute; else, or with --json, a line of JSON for each sample. Needs OpenCV, from
    the extra `camera`.
    """
    setup: Setup = ctx.obj
    require_positive("fps", fps)
    if as_fast_as_possible and file is None:
        raise CommandError(
            "--as-fast-as-possible needs --file: a camera has its pace.", Ending.USAGE
        )
    shots = (
        filmed(camera, fps) if file is None else recorded(file, fps, paced=not as_fast_as_possible)
    )
    view = _View(setup.out)
    as_json = json or not setup.on_terminal
    with setup.client() as client, closing(shots), client.live(fps=fps, faces=faces) as session:
        answers = _answers(session.send, shots, seconds)
        try:
            if as_json:
                _write(view, answers)
            else:
                _draw(view, answers)
        finally:
            if view.waits_s:
                setup.err.print(view.summary(), highlight=False)


def _answers(
    send: Callable[..., Frame], shots: Generator[Shot, None, None], seconds: float | None
) -> Generator[tuple[Frame, float], None, None]:
    """Each sample, and the seconds from its sending to its answer."""
    for shot in shots:
        if seconds is not None and shot.time_s >= seconds:
            return
        began_s = monotonic()
        frame = send(shot.picture, time_s=shot.time_s)
        yield frame, monotonic() - began_s


def _write(view: _View, answers: Generator[tuple[Frame, float], None, None]) -> None:
    for frame, wait_s in answers:
        view.add(frame, wait_s)
        line = {**frame.model_dump(mode="json"), "answered_after_s": round(wait_s, 4)}
        sys.stdout.write(json_text.dumps(line) + "\n")
        sys.stdout.flush()


def _draw(view: _View, answers: Generator[tuple[Frame, float], None, None]) -> None:
    with Live(console=view.console, auto_refresh=False) as screen:
        screen.update(
            Text("waiting for the first picture and its answer", style="dim"), refresh=True
        )
        for frame, wait_s in answers:
            view.add(frame, wait_s)
            screen.update(view.drawn(), refresh=True)


@dataclass
class _View:
    """What was answered so far."""

    console: Console
    recent: deque[Frame] = field(default_factory=deque)
    waits_s: list[float] = field(default_factory=list)
    with_face: int = 0

    def add(self, frame: Frame, wait_s: float) -> None:
        """A sample, and how long its answer took."""
        self.waits_s.append(wait_s)
        self.with_face += bool(frame.faces)
        self.recent.append(frame)
        while frame.time_s - self.recent[0].time_s > _KEPT_S:
            self.recent.popleft()

    def drawn(self) -> RenderableType:
        """Now, and the last minute of the largest face."""
        now = self.recent[-1]
        firsts = [frame.faces[0] if frame.faces else None for frame in self.recent]
        past = Trace(
            tuple(frame.time_s for frame in self.recent),
            tuple(math.nan if face is None else face.arousal for face in firsts),
            tuple(math.nan if face is None else face.valence for face in firsts),
        )
        drawing = Text("\n").join(show.chart(self.console, past, lines=2, stretch=False))
        waits = f"answered after {self.waits_s[-1] * 1000:.0f} ms; Ctrl-C ends"
        table = samples_table([now], glyphs_of(self.console))
        return Group(table, Text(), drawing, Text(waits, style="dim"))

    def summary(self) -> str:
        """How much was answered, and how fast."""
        slow_s = (
            quantiles(self.waits_s, n=20, method="inclusive")[-1]
            if len(self.waits_s) > 1
            else self.waits_s[0]
        )
        return (
            f"{counted(len(self.waits_s), 'sample')}, {self.with_face} with a face; answered "
            f"after {median(self.waits_s) * 1000:.0f} ms (median), {slow_s * 1000:.0f} ms (95 %)"
        )
