"""What a worker tells of itself every few seconds: its memory, and the queue before it."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import psutil

from affect_serving import declared
from affect_serving.recorder import Recorder
from affect_serving.this_machine import get_json

_log = logging.getLogger(__name__)

_EVERY_S: Final = 10.0
_PATIENCE_S: Final = 5.0
_MANAGEMENT: Final = "http://127.0.0.1:8081"


class WorkerReport:
    """Records gauges from a thread of its own, so that no clip waits for them.

    Args:
        recorder: takes the values.
        model: the name in TorchServe's paths.
        every_s: seconds between reports.
    """

    def __init__(self, recorder: Recorder, model: str, every_s: float = _EVERY_S) -> None:
        self._recorder = recorder
        self._model = model
        self._every_s = every_s
        self._place = worker_place(sys.argv)
        self._process = psutil.Process()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def started(self) -> None:
        """Say that this worker has started; before it loads, as some never come further."""
        self._recorder.add(declared.WORKER_START, time.time(), self._model, self._place)

    def start(self, *, queue: bool) -> None:
        """Begin to report, at once and then again and again.

        Args:
            queue: whether TorchServe keeps one queue for the model; live sessions have one each.
        """
        self._thread = threading.Thread(
            target=self._run, args=(queue,), name="affect-report", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, queue: bool) -> None:  # noqa: FBT001  threads give arguments so
        while True:
            memory = self._process.memory_info().rss
            self._recorder.add(declared.WORKER_MEMORY, memory, self._model, self._place)
            waiting = waiting_clips(management_url(), self._model) if queue else None
            if waiting is not None:
                self._recorder.add(declared.QUEUE_CLIPS, waiting, self._model)
            if self._stopped.wait(self._every_s):
                return


def worker_place(arguments: Sequence[str]) -> str:
    """The number of the socket that TorchServe gave this worker, and gives its successor."""
    found = re.search(r"\.ts\.sock\.(\d+)", " ".join(arguments))
    return found[1] if found else "0"


def management_url() -> str:
    """TorchServe's management port as this machine reaches it."""
    address = urlsplit(os.environ.get("TS_MANAGEMENT_ADDRESS", _MANAGEMENT))
    host = "127.0.0.1" if address.hostname in {None, "0.0.0.0"} else address.hostname  # noqa: S104
    return f"{address.scheme}://{host}:{address.port}"


def waiting_clips(management: str, model: str) -> int | None:
    """Requests that wait for a worker; None where TorchServe does not tell.

    The worker cannot see them: TorchServe hands over as many clips as are worked on together, and
    of its own metrics none counts those behind them.
    """
    try:
        (described,) = get_json(f"{management}/models/{model}", _PATIENCE_S)
        return int(described["jobQueueStatus"]["pendingRequests"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.debug("no queue: %s", type(error).__name__)
        return None
