"""How commands end when something is wrong: one sentence, and exit status 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from affect_core.errors import AffectError
from affect_training.errors import TrainingError


@contextmanager
def reported(console: Console) -> Iterator[None]:
    """Say what is wrong with the data, the recipe or the disk, without a traceback.

    Raises:
        typer.Exit: with 1, after the sentence.
    """
    try:
        yield
    except (AffectError, TrainingError) as error:
        _say(console, str(error))
        raise typer.Exit(1) from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        sentence = f"{error.strerror or error}{place}. Finished work is kept: mend it, call again."
        _say(console, sentence)
        raise typer.Exit(1) from error


def _say(console: Console, sentence: str) -> None:
    # The terminal wraps it: a path broken by a line's end could not be copied.
    console.print(Text(sentence, style="red"), soft_wrap=True)
