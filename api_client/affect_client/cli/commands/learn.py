"""`affect learn`."""

from __future__ import annotations

import typer

from affect_client.cli.endings import CommandError, Ending
from affect_client.cli.known import ClipFile, KnownFile
from affect_client.cli.options import Fps
from affect_client.cli.setup import Setup
from affect_client.probing import Expected


def learn(ctx: typer.Context, clip: ClipFile, known: KnownFile, *, fps: Fps = 5.0) -> None:
    """A known clip: write its answer by a server that is trusted.

    Whoever runs it vouches for the server. `compare` and `probe` read KNOWN.
    """
    setup: Setup = ctx.obj
    data = clip.read_bytes()
    with setup.client() as client:
        answer = client.predict(data, sample_fps=fps, filename="probe")
    if not any(frame.faces for frame in answer.frames):
        raise CommandError("The server finds no face in this clip; take one with.", Ending.REFUSED)
    known.write_text(Expected.of(data, answer).model_dump_json(indent=1) + "\n", encoding="utf-8")
    setup.say(f"{known}: {len(answer.frames)} samples, {answer.model.weights[:23]}")
