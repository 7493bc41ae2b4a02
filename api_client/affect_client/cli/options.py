"""Options and arguments that several commands share."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from affect_client._requests import FacesChoice
from affect_client.uploads import ClipSource

_SAMPLES: Final = "Samples"

ClipArgument = Annotated[
    str, typer.Argument(metavar="CLIP", help="A video file; - is standard input.")
]
Fps = Annotated[
    float,
    typer.Option(
        "--fps",
        help="Samples a second, above 0 and up to 30; models are trained at 5.",
        rich_help_panel=_SAMPLES,
    ),
]
Faces = Annotated[
    FacesChoice,
    typer.Option(
        help="The largest face, followed until it is gone, then again the largest; or all.",
        rich_help_panel=_SAMPLES,
    ),
]
Start = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", help="First sample at or after this.", rich_help_panel=_SAMPLES
    ),
]
End = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Samples before this; else to the end.", rich_help_panel=_SAMPLES
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON, on standard output.")]


def source(clip: str) -> ClipSource:
    """What the client reads a clip from."""
    return sys.stdin.buffer if clip == "-" else clip
