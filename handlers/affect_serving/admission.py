"""Whether one more clip would be answered in time: decided at the door, before it is taken in.

TorchServe queues up to a hundred clips whatever they take, and tells nobody how long it will be.
So the clips inside are counted here and the time between two answers is learned: a newcomer waits
for those before it. Live sessions are not counted: they have places of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

_TOGETHER: Final = 4
"""`batchSize` of model-config.yaml. Fewer clips than these find a place whatever they will take."""
_MEMORY: Final = 0.1
"""Share of the newest time between two answers in the mean: it forgets in some ten answers."""
_MARGIN: Final = 0.4
"""Clips differ from their mean, and those of a batch share the machine. So of the time that an
answer may take this is what is expected of it. (With 0.5, 1.9 % of those admitted at twice the
capacity were late: docs/reliability.md.)"""
_LONGEST_RETRY_S: Final = 30


class Admission:
    """Counts the clips inside; used from one thread.

    Args:
        within_s: seconds within which a clip that was let in should have its answer.
        at_most: clips inside at once, whatever is expected of them.
        clock: seconds that never go back.
    """

    def __init__(
        self, within_s: float, at_most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._within_s = within_s
        self._at_most = at_most
        self._clock = clock
        self._inside = 0
        self._since_s = 0.0
        self._between_s: float | None = None

    @property
    def inside(self) -> int:
        """Clips that were let in and have no answer yet."""
        return self._inside

    @property
    def expected_s(self) -> float:
        """Seconds that the answer to a newcomer is expected to take; 0 while nothing is known."""
        if not self._inside or self._between_s is None:
            return self._between_s or 0.0
        # Where no answer has come for long, none will soon: a worker is being replaced, say.
        silent_s = self._clock() - self._since_s
        return silent_s + (self._inside + 1) * self._between_s

    def refusal(self) -> int | None:
        """Seconds after which to ask again (`Retry-After`), or None where there is a place."""
        if self._inside < _TOGETHER:
            return None
        over_s = self.expected_s - _MARGIN * self._within_s
        if over_s <= 0 and self._inside < self._at_most:
            return None
        return min(_LONGEST_RETRY_S, max(1, math.ceil(over_s)))

    def enter(self) -> None:
        """A clip is let in."""
        if not self._inside:
            self._since_s = self._clock()
        self._inside += 1

    def leave(self, *, answered: bool) -> None:
        """A clip has its answer, or will get none (which says nothing of how long one takes)."""
        self._inside -= 1
        now = self._clock()
        if answered:
            between_s, before = now - self._since_s, self._between_s
            self._between_s = (
                between_s if before is None else before + _MEMORY * (between_s - before)
            )
        self._since_s = now
