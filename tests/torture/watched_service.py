"""What a service does beside answering: processes, memory, files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from affect_serving.server import LocalServer

_EVERY_S: Final = 0.2


class WatchedService:
    """Looks at a model's workers and their children again and again.

    Args:
        server: running.
        model: by name.
    """

    def __init__(self, server: LocalServer, model: str = "affect") -> None:
        self._server = server
        self._model = model
        self.pids = server.worker_pids(model)
        self.peak_mib = 0.0
        """Most memory of workers and children together that was seen: resident, shared once.

        Not less than the most that one worker held, which `faults` adds.
        """
        self.written: set[str] = set()
        """Files that they had open for writing."""
        self._before = set(self._files())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)

    def __enter__(self) -> WatchedService:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    def faults(self) -> list[str]:
        """What no service may do."""
        for process in map(psutil.Process, self.pids):
            with suppress(psutil.Error, OSError):
                self.peak_mib = max(self.peak_mib, _high_water_mib(process.pid))
        now = self._server.worker_pids(self._model)
        changed = [f"workers {self.pids} are now {now}"] if now != self.pids else []
        new = sorted(set(self._files()) - self._before)
        return changed + [f"written: {name}" for name in (*sorted(self.written), *new)]

    def _look_often(self) -> None:
        while not self._end.wait(_EVERY_S):
            with suppress(psutil.Error):
                self._look()

    def _look(self) -> None:
        family = [psutil.Process(pid) for pid in self.pids]
        family += [child for worker in family for child in worker.children(recursive=True)]
        self.peak_mib = max(self.peak_mib, sum(map(_own_mib, family)))
        for process in family:
            self.written |= set(_open_for_writing(process.pid))

    def _files(self) -> Iterator[str]:
        """All that lies in the service's folder but logs."""
        folder = self._server.run_folder
        for file in folder.rglob("*"):
            name = str(file.relative_to(folder))
            if file.is_file() and file.suffix != ".log" and "logs" not in file.parts:
                yield name


def _high_water_mib(pid: int) -> float:
    """The most that a process has held, also between two looks."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def _own_mib(process: psutil.Process) -> float:
    """Resident memory; of what is shared with others, a part."""
    with suppress(OSError):
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        line = next(line for line in text.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024
    return 0.0


def _open_for_writing(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = descriptor.readlink()
                writable = descriptor.lstat().st_mode & 0o200  # proc(5)
                memory = str(target).startswith("/memfd:")
                if writable and descriptor.is_file() and not memory and target.suffix != ".log":
                    yield str(target)
