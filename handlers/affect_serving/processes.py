"""Ports and processes of a TorchServe that is ours."""

from __future__ import annotations

import signal
import socket
import subprocess

import psutil


class ServerError(Exception):
    """TorchServe did not start; the message says why, or holds the end of its log."""


def check_free(port: int) -> None:
    """Raise `ServerError` if a port on loopback is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerError(
                f"Port {port} is taken. Set AFFECT_PORT to the first of five free ports."
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
