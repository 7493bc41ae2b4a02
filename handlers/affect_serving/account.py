"""What is known of one request between its arrival and its end: times, sizes, where it belongs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from affect_core.types import StageSeconds
from affect_serving.trace import Origin


@dataclass(slots=True)
class Account:
    """One request's. It grows until it is closed.

    Args:
        origin: which request.
        body_bytes: that were uploaded, all parts.
    """

    origin: Origin
    body_bytes: int = 0
    answer_bytes: int = 0
    encode_s: float = 0.0
    together: int = 1
    """Requests in hand as this one ended, itself included."""
    stages: StageSeconds | None = None
    """None where the request did not come to its end."""
    width: int | None = None
    height: int | None = None
    clip_s: float | None = None
    samples: int = 0
    faces: int = 0
    """Over all samples."""
    total_s: float = 0.0
    _arrived: float = field(default_factory=time.perf_counter)

    @contextmanager
    def encoding(self) -> Iterator[None]:
        """Time that goes into writing the answer."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.encode_s += time.perf_counter() - began

    def close(self, together: int | None = None) -> None:
        """The answer is known to its end."""
        if together is not None:
            self.together = together
        self.total_s = time.perf_counter() - self._arrived

    def stage_seconds(self) -> dict[str, float]:
        """Seconds by stage, the names of `declared.STAGES`; none where it did not come so far."""
        if self.stages is None:
            return {}
        return {
            "decode": self.stages.decode,
            "detect": self.stages.detect,
            "backbone": self.stages.backbone,
            "temporal": self.stages.temporal,
            "encode": self.encode_s,
        }
