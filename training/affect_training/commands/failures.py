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
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        sentence = f"{error.strerror or error}{place}. Finished work is kept: mend it, call again."
        console.print(Text(sentence, style="red"))
        raise typer.Exit(1) from error
