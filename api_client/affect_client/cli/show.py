"""An answer for a person: facts, statistics, traces, and what the numbers rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from affect_client.cli.drawing import (
    AROUSAL,
    VALENCE,
    Glyphs,
    Scale,
    columns,
    glyphs_of,
    sparkline,
)
from affect_client.cli.words import counted, plain, shortened
from affect_client.results import AffectResult, Trace
from affect_client.wire import Clip, ModelInfo, Statistics

_LINES: Final = 3
"""Of a trace's drawing, where there are few."""
_FEW_TRACKS: Final = 3
_WIDEST: Final = 100
"""Characters of a trace: wider ones are no easier to read."""
_LABEL: Final = 16


def result(console: Console, name: str, found: AffectResult) -> RenderableType:
    """Everything about one clip.

    Args:
        console: for its width and characters.
        name: the clip's.
        found: the answer.
    """
    glyphs = glyphs_of(console)
    parts: list[RenderableType] = [facts(name, found)]
    if found.tracks:
        lines = _LINES if len(found.tracks) <= _FEW_TRACKS else 1
        parts += [Text(), statistics(found, glyphs), Text()]
        for number, trace in found.traces().items():
            title = f"track {number}" if len(found.tracks) > 1 else ""
            parts.append(Text("\n").join(chart(console, trace, lines=lines, title=title)))
        if any(math.isnan(value) for trace in found.traces().values() for value in trace.arousal):
            mark = f"{glyphs.gap} marks" if glyphs.gap.strip() else "Gaps are"
            parts.append(Text(f"{' ' * _LABEL}{mark} samples without the face.", style="dim"))
    parts += [Text(), basis(found.model)]
    return Group(*parts)


def facts(name: str, found: AffectResult) -> Text:
    """The clip, and how much of it shows a face."""
    with_face = sum(bool(frame.faces) for frame in found.frames)
    text = Text.assemble((name, "bold"), f"  {clip_facts(found.clip)}\n")
    text.append(f"{counted(len(found.frames), 'sample')} at {found.sample_fps:g} a second, ")
    if not with_face:
        text.append("none with a face", style="yellow")
    elif with_face == len(found.frames):
        text.append("all with a face")
    else:
        text.append(f"{with_face} with a face")
    if found.clip.truncated:
        text.append("\nThe clip is broken off; this is what comes before.", style="yellow")
    return text


def clip_facts(clip: Clip) -> str:
    """Length, size and codec."""
    length = "" if clip.duration_s is None else f"{clip.duration_s:.1f} s, "
    turned = f", turned by {clip.rotation}°" if clip.rotation else ""
    return f"{length}{clip.width}x{clip.height}, {plain(clip.codec)}{turned}"


def statistics(found: AffectResult, glyphs: Glyphs) -> Table:
    """Two lines a track."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("track", "seen", "samples"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in ("mean", "std", "min", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for track in found.tracks:
        seen = f"{track.start_s:.1f} {glyphs.to} {track.end_s:.1f} s"
        who = (str(track.track), seen, str(track.frames))
        table.add_row(*who, *_values("arousal", track.arousal, AROUSAL))
        table.add_row("", "", "", *_values("valence", track.valence, VALENCE))
    return table


def chart(
    console: Console, trace: Trace, *, lines: int = 1, title: str = "", stretch: bool = True
) -> Iterator[Text]:
    """Both values over time, each on the scale that stands beside it, above one axis of time.

    Args:
        console: for its width and characters.
        trace: of one person.
        lines: of each value's drawing.
        title: above it.
        stretch: few samples fill the width, too.
    """
    glyphs = glyphs_of(console)
    width = max(10, min(_WIDEST, console.width - _LABEL - 1))
    if title:
        yield Text(title, style="bold")
    drawn = 0
    named = (("arousal", trace.arousal, AROUSAL), ("valence", trace.valence, VALENCE))
    for name, values, style in named:
        if lines > 1 and drawn:
            yield Text(f"{glyphs.side:>{_LABEL}}", style="dim")
        scale = Scale.of(values)
        shown = columns(values, width, stretch=stretch)
        drawn = len(shown)
        rows = sparkline(shown, scale, glyphs, lines=lines)
        for at, row in enumerate(rows):
            label = f"{name if at == 0 else '':<8}"
            ends = {0: scale.high, lines - 1: scale.low} if lines > 1 else {}
            value = f"{ends[at]:+.2f} " if at in ends else ""
            yield Text.assemble(
                (label, style), (f"{value:>7}", "dim"), (glyphs.side, "dim"), (row, style)
            )
    if trace.time_s:
        first, last = f"{trace.time_s[0]:.1f} s", f"{trace.time_s[-1]:.1f} s"
        room = max(1, drawn - len(first) - len(last))
        axis = first if len(trace) == 1 else f"{first}{' ' * room}{last}"
        yield Text(f"{glyphs.corner:>{_LABEL}}{axis}", style="dim")


def basis(model: ModelInfo) -> Panel:
    """What the model learned from: read it before using the numbers."""
    title = plain(f"{model.architecture}: what the numbers rest on")
    return Panel(
        Text(plain(model.trained_on)), title=title, title_align="left", border_style="yellow"
    )


class Rows:
    """Many clips, a line a track, in columns that are the same for all of them.

    Args:
        console: for its width and characters.
        names: of all clips.
    """

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._glyphs = glyphs_of(console)
        width = min(console.width, 160)
        longest = max(map(len, names), default=0)
        self._name = max(4, min(longest, width // 4))
        self._begun = False
        self._spark = max(4, (width - self._name - 36) // 2)

    def of(self, name: str, found: AffectResult) -> Iterator[Text]:
        """A clip's lines; before the first, the columns' names."""
        if not self._begun:
            self._begun = True
            names = f"{'arousal':<{8 + self._spark}}valence"
            yield Text(f"{'clip':<{self._name}}  track  samples  {names}", style="dim")
        shown = f"{shortened(name, self._name):<{self._name}}"
        if not found.tracks:
            none = f"no face in {counted(len(found.frames), 'sample')}"
            yield Text.assemble(f"{shown}      -  ", (none, "yellow"))
        for track in found.tracks:
            trace = found.trace(track.track)
            text = Text(f"{shown}  {track.track:>5}  {track.frames:>7}  ")
            for mean, values, style in (
                (track.arousal.mean, trace.arousal, AROUSAL),
                (track.valence.mean, trace.valence, VALENCE),
            ):
                (line,) = sparkline(columns(values, self._spark), Scale.of(values), self._glyphs)
                text.append(f"{mean:+.3f} {line:<{self._spark}} ", style=style)
            text.rstrip()
            yield text
            shown = " " * self._name
        if found.clip.truncated:
            broken = "the clip is broken off; this is what comes before"
            yield Text.assemble(f"{'':<{self._name}}         ", (broken, "yellow"))


def _values(name: str, found: Statistics, style: str) -> list[Text]:
    values = (f"{found.mean:+.3f}", f"{found.std:.3f}", f"{found.min:+.3f}", f"{found.max:+.3f}")
    return [Text(name, style=style), *(Text(value, style=style) for value in values)]
