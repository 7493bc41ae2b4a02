"""Ports, processes and the folder of a TorchServe that is ours."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_RUN_FOLDER_BYTES: Final = 1 << 30
"""The unpacked archive and spooled uploads fit into this."""
_GONE_S: Final = 10.0
"""A process that was killed gives back its memory first, and then its ports."""


class ServerError(Exception):
    """TorchServe did not start; the message says why, or holds the end of its log."""


def check_free(host: str, port: int) -> None:
    """Raise `ServerError` if a port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"Port {port} is taken. Set AFFECT_PORT to the first of six free ports."
            ) from error


def stop_java(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Stop TorchServe's Java, which stops its workers; what is still there later is killed."""
    family = _descendants(process)
    for child in family:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if child.name() == "java":
                child.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=5)
    for child in alive:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(alive, timeout=5)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """As `poll`, but without Popen's lock; False where the system cannot say.

    A signal's handler that raises between taking the lock and the block that lets it go would
    leave it taken, and stopping would then wait for ever.
    """
    try:
        return bool(psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
    except OSError:  # no descriptor is left to look with
        return False


def kill_java(process: subprocess.Popen[bytes]) -> None:
    """Kill TorchServe with all its processes; when this returns their ports are free.

    Safe to repeat.
    """
    # Once the first is dead nobody knows any more whose the others were.
    family = {*_descendants(process), *_group(process.pid)}
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=_GONE_S)


def _group(leader: int) -> list[psutil.Process]:
    """Of a process group: also those whose parent has ended."""
    found = []
    for one in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if one.pid != leader and os.getpgid(one.pid) == leader:
                found.append(one)
    return found


def _descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def in_memory(folder: Path) -> bool:
    """Whether what is written below a folder stays off disks, as far as the system says."""
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    kinds = [mounts[each] for each in (resolved, *resolved.parents) if each in mounts]
    return kinds[:1] in (["tmpfs"], ["ramfs"])


def memory_folder() -> str | None:
    """A folder in memory where the system has one, so that no upload reaches a disk."""
    shared = Path("/dev/shm")  # noqa: S108
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    return str(shared) if shutil.disk_usage(shared).free >= _RUN_FOLDER_BYTES else None
