"""Samples as lines of a table: when, who, where, arousal and valence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.table import Table

from affect_client.cli.drawing import AROUSAL, VALENCE, Glyphs, bar
from affect_client.wire import Frame

_HALF: Final = 5


def samples_table(frames: Iterable[Frame], glyphs: Glyphs) -> Table:
    """A line for each face, and one for each sample without."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("time", "track", "x,y w*h", "score"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading, style in (("arousal", AROUSAL), ("valence", VALENCE)):
        table.add_column(heading, style=style, no_wrap=True)
    for frame in frames:
        time = f"{frame.time_s:.1f} s"
        if not frame.faces:
            table.add_row(time, "", "no face")
        for face in frame.faces:
            box = f"{face.box.x},{face.box.y} {face.box.width}*{face.box.height}"
            values = (
                f"{value:+.3f} {bar(value, _HALF, glyphs)}"
                for value in (face.arousal, face.valence)
            )
            table.add_row(time, str(face.track), box, f"{face.score:.2f}", *values)
    return table
