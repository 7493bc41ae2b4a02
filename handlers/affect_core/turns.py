"""Turns in the order in which they were asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """So many at a time; the others wait, and who has waited longest is next.

    A `threading.Semaphore` may be taken again by the thread that has just given it back, and a
    thread that waits for it may do so for ever.

    Args:
        count: turns at a time.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            called = threading.Event()
            self._waiting.append(called)
        called.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Another may have the caller's turn meanwhile; the caller asks for it again at the end."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
