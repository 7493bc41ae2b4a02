"""`affect-serve run` as a process of its own: what a container runs, and what heals itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import httpx
import psutil

from affect_serving.server import MODEL
from ports import free_ports

_READY_S: Final = 150.0


class Service:
    """Started on entering, stopped on leaving, with nothing left of it.

    Args:
        store: a model store.
        log: where its output goes.
        live: also serve live sessions.
        host: of inference and metrics.
        prefix: a command that runs the service's command, as `ip netns exec NAME`.
        environment: beyond this process's.
    """

    def __init__(
        self,
        store: Path,
        log: Path,
        *,
        live: bool = True,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_ports(6)
        self.host = host
        self.url = f"http://{host}:{self.port}"
        self.log = log
        self._command = [*prefix, sys.executable, "-m", "affect_serving.cli", "run"]
        self._command += ["--model-store", str(store), "--port", str(self.port), "--host", host]
        self._command += ["--live" if live else "--no-live"]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=output, env=self._environment
            )
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if "ready: POST" in self.log.read_text(errors="replace"):
                return self
            time.sleep(0.2)
        self.__exit__(None, None, None)
        raise AssertionError(self.log.read_text(errors="replace")[-4000:])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        family = self.family()
        folders = self.run_folders()
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(60)
            self._process.kill()
            self._process.wait()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def family(self) -> list[psutil.Process]:
        """The service's own process, and all below it."""
        if self._process is None or self._process.poll() is not None:
            return []
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def java(self) -> psutil.Process:
        """TorchServe's front end."""
        (found,) = [process for process in self.family() if process.name() == "java"]
        return found

    def worker(self, model: str = MODEL) -> psutil.Process:
        """The one worker of a model."""
        url = f"http://127.0.0.1:{self.port + 1}/models/{model}"
        workers = httpx.get(url, timeout=5).json()[0]["workers"]
        return psutil.Process(int(workers[0]["pid"]))

    def workers(self) -> dict[str, psutil.Process]:
        """Java's children that serve a model, by the number of their socket."""
        found = {}
        for process in self.family():
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                place = re.search(r"\.ts\.sock\.(\d+)", command)
                if place is not None and "model_service_worker" in command:
                    found[f"worker {place[1]}"] = process
        return found

    def run_folders(self) -> set[Path]:
        """Where TorchServe writes."""
        found = set()
        for process in self.family():
            with suppress(psutil.Error):
                if process.name() == "java":
                    found.add(Path(process.cwd()))
        return found
