"""Ports, processes and the folder of a TorchServe that is ours."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

import psutil

_RUN_FOLDER_BYTES: Final = 1 << 30
"""The unpacked archive and spooled uploads fit into this."""


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
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for child in family:
        if child.is_running() and child.name() == "java":
            child.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=5)
    for child in alive:
        child.kill()
    psutil.wait_procs(alive, timeout=5)


def memory_folder() -> str | None:
    """A folder in memory where the system has one, so that no upload reaches a disk."""
    shared = Path("/dev/shm")  # noqa: S108
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    return str(shared) if shutil.disk_usage(shared).free >= _RUN_FOLDER_BYTES else None
