"""Faces of many frames found side by side, in threads that all jobs share."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from affect_core.cores import step_back
from affect_core.faces import FaceDetector, find_faces
from affect_core.spec import PreprocessSpec
from affect_core.types import Detection, Image

_AHEAD_BYTES: Final = 64e6
"""Of frames of one job that wait for their faces."""


@dataclass(frozen=True, slots=True)
class Found:
    """A frame's faces, largest first, and the seconds that finding them took."""

    faces: list[Detection]
    seconds: float


class FaceFinder:
    """Detection, which needs no other frame, ahead of tracking, which does.

    Args:
        detector: called from several threads.
        spec: how faces are found.
        threads: frames that are looked at at the same time.
    """

    def __init__(self, detector: FaceDetector, spec: PreprocessSpec, threads: int) -> None:
        self._detector = detector
        self._spec = spec
        self._threads = threads
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="affect-detect", initializer=step_back
        )

    def find(self, image: Image) -> Future[Found]:
        """Begin to look for a frame's faces."""
        return self._pool.submit(self._find, image)

    def ahead(self, image: Image) -> int:
        """How many frames like this one a job may hold that wait for their faces; at least 1."""
        return max(1, min(self._threads, int(_AHEAD_BYTES // image.nbytes)))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _find(self, image: Image) -> Found:
        started = time.perf_counter()
        faces = find_faces(self._detector, image, self._spec)
        return Found(faces, time.perf_counter() - started)
