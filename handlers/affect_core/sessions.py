"""Live sessions by name, each until it ends or is idle for too long."""

from __future__ import annotations

import time
from collections.abc import Callable

from affect_core.session import Session


class Sessions:
    """Bounded in number and age. What is kept is never changed: a request works on a copy.

    Args:
        idle_s: seconds after which a session that is not used is forgotten.
        most: sessions kept; beyond, the one that was idle longest goes.
        clock: seconds that only grow.
    """

    def __init__(
        self, idle_s: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if idle_s <= 0 or most < 1:
            raise ValueError(f"no session could be kept: {idle_s} s, {most} sessions")
        self.idle_s = idle_s
        self._most = most
        self._clock = clock
        self._kept: dict[str, tuple[Session, float]] = {}  # the longest idle first
        self.expired = 0
        """Sessions forgotten that nobody ended."""

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: str) -> Session | None:
        """The session of this name; None where there is none, or none any more."""
        self.sweep()
        kept = self._kept.get(name)
        return None if kept is None else kept[0]

    def keep(self, name: str, session: Session) -> None:
        """Put a session in the place of the one with this name; its idle time begins."""
        self.end(name)
        self.sweep()
        if len(self._kept) == self._most:
            self._forget(next(iter(self._kept)))
        self._kept[name] = (session, self._clock())

    def end(self, name: str) -> None:
        """Forget a session; one that is not there is no mistake."""
        self._kept.pop(name, None)

    def sweep(self) -> None:
        """Forget the sessions that were idle for too long."""
        now = self._clock()
        while self._kept:
            name = next(iter(self._kept))
            if now - self._kept[name][1] <= self.idle_s:
                return
            self._forget(name)

    def _forget(self, name: str) -> None:
        del self._kept[name]
        self.expired += 1
