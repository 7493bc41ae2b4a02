"""What TorchServe does not see to: workers that stand still, and those that it does not replace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import psutil

_STILL_S: Final = 1.0
"""A process that somebody stops and lets go on at once is left alone."""
_LIVE_LOST_S: Final = 1.5
_CLIPS_LOST_S: Final = 120.0
"""Loading takes some of it. TorchServe tries ever more seldom, and after five minutes no more."""

States = Mapping[int, str]
"""Of a model's workers: status as TorchServe calls it, by process id."""


class Watch:
    """Looks at one running TorchServe, again and again.

    Args:
        pid: of the process whose descendants Java and the workers are.
        models: names; those that end in `-live` are not given a new worker by TorchServe.
        workers: a model's, as the management port tells; None where it does not.
        lost: told a model whenever its worker is no longer there.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        pid: int,
        models: Sequence[str],
        workers: Callable[[str], States | None],
        lost: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._family = psutil.Process(pid)
        self._workers = workers
        self._lost = lost
        self._clock = clock
        self._ready: dict[str, set[int]] = {model: set() for model in models}
        self._seen_s = dict.fromkeys(models, clock())
        self._still_s: dict[int, float] = {}

    def look(self) -> str | None:
        """See to what can be helped; why TorchServe must be started again, or None."""
        self._end_what_stands_still()
        if self._still_s:
            # It may be Java, which then would not answer until the question is given up.
            return None
        for model in self._ready:
            why = self._look_at(model)
            if why is not None:
                return why
        return None

    def _look_at(self, model: str) -> str | None:
        states = self._workers(model)
        now = self._clock()
        if states is None:
            return None
        ready = {pid for pid, status in states.items() if status == "READY"}
        if self._ready[model] - ready:
            self._lost(model)
        self._ready[model] = ready
        if ready:
            self._seen_s[model] = now
        missing_s = now - self._seen_s[model]
        if model.endswith("-live") and missing_s > _LIVE_LOST_S:
            return "The worker of the live sessions has died."
        if missing_s > _CLIPS_LOST_S:
            return f"{model} has had no worker for {missing_s:.0f} s."
        return None

    def _end_what_stands_still(self) -> None:
        """TorchServe waits for a stopped worker until responseTimeout: for half an hour."""
        still: dict[int, float] = {}
        # What has ended stands not still; without a descriptor to look with, the next look tells.
        with suppress(psutil.NoSuchProcess, OSError):
            for process in self._family.children(recursive=True):
                with suppress(psutil.NoSuchProcess, OSError):
                    if process.status() == psutil.STATUS_STOPPED:
                        since_s = self._still_s.get(process.pid, self._clock())
                        still[process.pid] = since_s
                        if self._clock() - since_s >= _STILL_S:
                            process.kill()
        self._still_s = still
