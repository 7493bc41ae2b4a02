"""One run at a time in a folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from affect_training.errors import DataError


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; a process that dies lets go of it.

    Raises:
        DataError: another process holds it, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataError(
                f"Another run is at work in {path.parent} ({error.strerror}). Wait for it, or stop "
                "it."
            ) from error
        yield
