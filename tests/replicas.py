"""`affect-serve run` as a process of its own, as a container has it: to drain, and to kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from ports import answers, free_ports

_READY_S: Final = 120
_PORTS: Final = 6


class Replica:
    """One service on loopback, behind its door.

    Args:
        store: a model store.
        log: where its output goes.
        live: also serve live sessions.
    """

    def __init__(self, store: Path, log: Path, *, live: bool = False) -> None:
        self.port = free_ports(_PORTS)
        self.log = log
        self._told = False
        command = [sys.executable, "-m", "affect_serving.cli", "run", "--drain-s", "60"]
        command += ["--model-store", str(store), "--port", str(self.port)]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--live" if live else "--no-live"], stdout=output, stderr=output
            )
        self._hold_ports()

    def _hold_ports(self) -> None:
        """Return when its first port is bound, so that the next replica looks elsewhere."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if answers(f"http://127.0.0.1:{self.port + 5}/ping"):
                return
            time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    @property
    def address(self) -> str:
        """For nginx."""
        return f"127.0.0.1:{self.port}"

    def wait_ready(self) -> None:
        """Return when it says that it is."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if "ready: POST" in self.log.read_text():
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def drain(self) -> None:
        """Send SIGTERM."""
        self._told = True
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End all of it at once, as a machine ends; remove what it could not."""
        family = [psutil.Process(self.process.pid)]
        family += family[0].children(recursive=True)
        folders = {process.cwd() for process in family if process.name() == "java"}
        self._told = True
        for process in family:
            os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        self.process.wait(10)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> int:
        """Its exit status."""
        if not self._told:
            self.drain()
        return self.process.wait(90)
