"""What a service's processes hold: memory, descriptors, threads, files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from torture.service import Service

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """By one process, or in files, at one time."""

    pss_mib: float
    """Its own memory and its share of what it shares, files in memory left out."""
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Census:
    """Of a service."""

    minute: float
    held: dict[str, Held]
    """By `affect-serve`, `java`, `worker 9000`, ..., `others` (whatever is none of these)."""
    files: int
    """In the run folder, sockets left out."""
    files_mib: float
    shared: int
    """Entries of /dev/shm."""


def count(service: Service, minute: float) -> Census:
    """Look at everything now."""
    workers = {process.pid: name for name, process in service.workers().items()}
    held: dict[str, Held] = {}
    for position, process in enumerate(service.family()):
        name = "affect-serve" if position == 0 else workers.get(process.pid, "others")
        with suppress(psutil.Error, FileNotFoundError, ProcessLookupError):
            if process.name() == "java":
                name = "java"
            before = held.get(name, Held(0, 0, 0))
            held[name] = Held(
                before.pss_mib + _pss_mib(process.pid),
                before.descriptors + process.num_fds(),
                before.threads + process.num_threads(),
            )
    sizes = []
    for folder in service.run_folders():
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file():
                    sizes.append(path.stat().st_size)
    shared = sum(1 for _ in Path("/dev/shm").iterdir())  # noqa: S108
    return Census(minute, held, len(sizes), sum(sizes) / _MIB, shared)


def _pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def growth_per_hour(minutes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a straight line through the values, as a share of their mean in an hour."""
    if len(values) < 2 or not np.mean(values):
        return 0.0
    slope = np.polyfit(np.asarray(minutes), np.asarray(values), 1)[0]
    return float(slope * 60 / np.mean(values))
