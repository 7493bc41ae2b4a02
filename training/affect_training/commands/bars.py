"""The bars that commands draw while they work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rich.progress
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from affect_training.progress import Advance, Progress


@contextmanager
def bars(console: Console, amount: ProgressColumn | None = None) -> Iterator[Progress]:
    """Within it, each piece of work has a bar from its first count on; at its end all vanish.

    Args:
        console: where they are drawn; nothing is unless it is a terminal.
        amount: how counts are written; None: done/total.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        amount or MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with rich.progress.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as drawn:

        def progress(name: str) -> Advance:
            task: TaskID | None = None

            def advance(done: int, total: int) -> None:
                nonlocal task
                # What turns out to need no work, such as a download, shows no bar.
                if task is None:
                    task = drawn.add_task(name, total=None)
                # What is finished makes room: a terminal shows the last bars alone.
                unfinished = not total or done < total
                drawn.update(task, completed=done, total=total or None, visible=unfinished)

            return advance

        yield progress
