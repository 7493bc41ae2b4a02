"""`affect stream`."""

from __future__ import annotations

import json as json_text
import math
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from affect_client import AffectError, StatusError
from affect_client.cli import bars, show
from affect_client.cli.drawing import glyphs_of
from affect_client.cli.endings import record
from affect_client.cli.options import ClipArgument, End, Faces, Fps, Json, Start, source
from affect_client.cli.samples import samples_table
from affect_client.cli.setup import Setup
from affect_client.cli.words import file_name
from affect_client.events import StreamEvent, result_of
from affect_client.results import Trace
from affect_client.wire import Frame, StreamClip, StreamFrame

_ROWS: Final = 8
_A_SECOND: Final = 8
"""Drawings of the screen."""


def stream(
    ctx: typer.Context,
    clip: ClipArgument,
    *,
    fps: Fps = 5.0,
    faces: Faces = "primary",
    start: Start = 0.0,
    end: End = None,
    json: Json = False,
) -> None:
    """Arousal and valence of a clip, sample by sample while the server works.

    On a terminal a table that grows; else, or with --json, a line of JSON for each event, as the
    server sends them: clip, frame, summary. A stream that breaks off ends with one of type error.
    """
    setup: Setup = ctx.obj
    with (
        setup.client() as client,
        client.stream(
            source(clip), sample_fps=fps, faces=faces, start_s=start, end_s=end
        ) as events,
    ):
        if json or not setup.on_terminal:
            _write(events)
        else:
            _draw(setup, file_name(clip), events)


def _write(events: Iterable[StreamEvent]) -> None:
    try:
        for event in events:
            sys.stdout.write(event.model_dump_json() + "\n")
            sys.stdout.flush()
    except AffectError as error:
        line = {"type": "error", "error": record(error)}
        if isinstance(error, StatusError) and error.problem is not None:
            line["problem"] = dict(error.problem)
        sys.stdout.write(json_text.dumps(line) + "\n")
        raise


def _draw(setup: Setup, name: str, events: Iterable[StreamEvent]) -> None:
    seen: list[StreamEvent] = []
    remaining = iter(events)
    with bars.waiting(setup.err, f"{name} is sent and waits its turn"):
        seen.append(next(remaining))
    view = _View(setup.out, name)
    with Live(
        console=setup.out, refresh_per_second=_A_SECOND, transient=True, get_renderable=view.drawn
    ) as live:
        try:
            view.add(seen[0])
            for event in remaining:
                seen.append(event)
                view.add(event)
        except BaseException:
            live.transient = False  # what was found stays on the screen
            raise
    setup.out.print(show.result(setup.out, name, result_of(seen)))


@dataclass
class _View:
    """What the screen shows of a stream."""

    console: Console
    name: str
    begun: StreamClip | None = None
    rows: deque[Frame] = field(default_factory=lambda: deque(maxlen=_ROWS))
    time_s: list[float] = field(default_factory=list)
    arousal: list[float] = field(default_factory=list)
    valence: list[float] = field(default_factory=list)

    def add(self, event: StreamEvent) -> None:
        """The next event."""
        if isinstance(event, StreamClip):
            self.begun = event
        elif isinstance(event, StreamFrame):
            frame = Frame(index=event.index, time_s=event.time_s, faces=event.faces)
            first = frame.faces[0] if frame.faces else None
            # Lists are read by the thread that draws: the first one says how long they are.
            self.valence.append(math.nan if first is None else first.valence)
            self.arousal.append(math.nan if first is None else first.arousal)
            self.time_s.append(frame.time_s)
            self.rows.append(frame)

    def drawn(self) -> RenderableType:
        """The screen now."""
        if self.begun is None:
            return Text()
        count = len(self.time_s)
        known = Trace(
            tuple(self.time_s[:count]), tuple(self.arousal[:count]), tuple(self.valence[:count])
        )
        head = Text.assemble((self.name, "bold"), f"  {show.clip_facts(self.begun.clip)}\n")
        head.append(f"{count} samples at {self.begun.sample_fps:g} a second so far")
        rows = samples_table(list(self.rows), glyphs_of(self.console))
        drawing = Text("\n").join(show.chart(self.console, known, lines=2, stretch=False))
        return Group(head, Text(), rows, Text(), drawing)
