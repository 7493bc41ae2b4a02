"""`affect describe`."""

from __future__ import annotations

import json as json_text
import math
import sys
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from affect_client import AffectClient, AffectResult, ModelDescription
from affect_client.cli import bars, show
from affect_client.cli.options import Fps, Json, source
from affect_client.cli.setup import Setup
from affect_client.cli.words import counted, file_name, plain


def describe(
    ctx: typer.Context,
    *,
    clip: Annotated[
        str | None,
        typer.Option(
            metavar="CLIP",
            help="Send this, have its first sample worked on, and say what the server finds in it.",
        ),
    ] = None,
    fps: Fps = 5.0,
    json: Json = False,
) -> None:
    """What is served, what its numbers rest on, and what it makes of a clip.

    The model answers between two clips: a busy server lets this wait.
    """
    setup: Setup = ctx.obj
    with setup.client() as client:
        with bars.waiting(setup.err, "asking the model what it is"):
            told = client.describe()
        found = None if clip is None else _first_sample(setup, client, clip, fps)
    if json:
        members: dict[str, Any] = told.model_dump(mode="json")
        if found is not None and clip is not None:
            members["found"] = {"file": clip, **_facts(found, fps)}
        sys.stdout.write(json_text.dumps(members) + "\n")
        return
    setup.out.print(_served(told))
    if found is not None and clip is not None:
        setup.out.print(_clip(file_name(clip), found, fps))


def _first_sample(setup: Setup, client: AffectClient, clip: str, fps: float) -> AffectResult:
    with bars.sending(setup.err, file_name(clip)) as on_upload:
        return client.predict(
            source(clip), sample_fps=fps, faces="all", end_s=1 / fps / 2, on_upload=on_upload
        )


def _facts(found: AffectResult, fps: float) -> dict[str, Any]:
    """What the first sample tells; the number of samples only as well as the length is known."""
    length_s = found.clip.duration_s
    return {
        "clip": found.clip.model_dump(mode="json"),
        "samples_about": None if length_s is None else max(1, math.ceil(length_s * fps - 1e-6)),
        "faces_in_first_sample": [
            face.box.model_dump(mode="json") for frame in found.frames for face in frame.faces
        ],
    }


def _served(told: ModelDescription) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    detector = told.detector.name
    if told.detector.fallback_reason:
        detector += f", not the one of its training: {told.detector.fallback_reason}"
    versions = ", ".join(f"{name} {version}" for name, version in told.versions.items())
    for name, value in (
        ("model", f"{told.model.name} {told.model.version}, {told.model.architecture}"),
        ("weights", _digest(told.model.weights)),
        ("runs on", f"{told.device}, {told.precision}"),
        ("detector", detector),
        ("trained at", f"{told.sample_fps:g} samples a second"),
        ("versions", versions),
    ):
        table.add_row(name, plain(value))
    return Group(table, Text(), show.basis(told.model))


def _digest(weights: str) -> str:
    """Enough to tell one file of weights from another; JSON has all of it."""
    return weights if len(weights) <= 32 else f"{weights[:23]}..."


def _clip(name: str, found: AffectResult, fps: float) -> RenderableType:
    facts = _facts(found, fps)
    text = Text.assemble("\n", (name, "bold"), f"  {show.clip_facts(found.clip)}\n")
    about = facts["samples_about"]
    if about is not None:
        text.append(f"About {counted(about, 'sample')} at {fps:g} a second. ")
    boxes = facts["faces_in_first_sample"]
    if boxes:
        text.append(f"{counted(len(boxes), 'face')} in the first sample.")
    else:
        text.append("No face in the first sample.", style="yellow")
    text.append("\nOnly the first sample was decoded; later frames may be broken.", style="dim")
    return Group(text)
