"""`affect compare`."""

from __future__ import annotations

import typer

from affect_client.cli.endings import CommandError, Ending
from affect_client.cli.known import ClipFile, KnownClip, KnownFile, Tolerance
from affect_client.cli.setup import Setup
from affect_client.probing import attempt


def compare(
    ctx: typer.Context, clip: ClipFile, known: KnownFile, *, tolerance: Tolerance = 0.05
) -> None:
    """A known clip: whether its answer is still what was learned.

    CLIP is sent once. Ends with 5 where its answer is not KNOWN's.
    """
    setup: Setup = ctx.obj
    right = KnownClip.read(clip, known, tolerance)
    with setup.client() as client:
        tried = attempt(client, right.clip, right.expected)
    if tried.error is not None:
        raise tried.error
    setup.out.print(right.sentence(tried), highlight=False, soft_wrap=True)
    if not right.holds(tried):
        raise CommandError("The answer is not the expected one.", Ending.BROKEN)
