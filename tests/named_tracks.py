"""Inference by names of tracks, as one writes it in a test."""

from __future__ import annotations

from collections.abc import Sequence

from affect_core.inference import Inferred, infer
from affect_core.runtime import Runtime
from affect_core.session import TrackMemory
from affect_core.types import FaceCrop


class NamedTracks:
    """A memory for each name that comes up."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._memories: dict[str, TrackMemory] = {}

    def advance(
        self, names: Sequence[str], times_s: Sequence[float], crops: Sequence[FaceCrop]
    ) -> Inferred:
        memories = [self._memories.setdefault(name, TrackMemory()) for name in names]
        return infer(self._runtime, memories, times_s, crops)

    def forget(self, name: str) -> None:
        del self._memories[name]
