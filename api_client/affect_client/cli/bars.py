"""What moves on standard error while one waits; nothing does unless that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from affect_client.uploads import OnUpload


@contextmanager
def sending(console: Console, name: str) -> Iterator[OnUpload]:
    """A bar while a clip is sent, then a clock until the block ends."""
    with _progress(console) as shown:
        task = shown.add_task(f"sending {name}", total=None)

        def told(sent: int, size: int | None) -> None:
            shown.update(task, completed=sent, total=size)
            if size is not None and sent == size:
                shown.update(task, description=f"{name} is worked on", total=None)

        yield told


class ClipBar:
    """How many of all clips are done; made by `clips`."""

    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown = shown
        self._task = task

    def advance(self) -> None:
        """One more."""
        self._shown.advance(self._task)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Within it the terminal is free for other lines."""
        if self._shown.disable:
            yield
            return
        self._shown.stop()
        try:
            yield
        finally:
            self._shown.start()


@contextmanager
def clips(console: Console, total: int) -> Iterator[ClipBar]:
    """A bar of clips; it is gone at the end of the block."""
    with _progress(console, MofNCompleteColumn()) as shown:
        yield ClipBar(shown, shown.add_task("clips", total=total))


@contextmanager
def waiting(console: Console, text: str) -> Iterator[None]:
    """A clock beside a text."""
    with _progress(console) as shown:
        shown.add_task(text, total=None)
        yield


def _progress(console: Console, *more: MofNCompleteColumn) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        *more,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # Standard output may be a file: what goes there is no business of a bar's.
        redirect_stdout=False,
        redirect_stderr=False,
    )
