"""What one clip or one live session carries from sample to sample.

A whole clip is a session that is fed without a pause. So however its samples are spread over
requests, they meet the same tracker, the same primary face and the same temporal states.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace

from affect_core.crops import crop_square
from affect_core.errors import SessionMismatchError
from affect_core.faces import FaceDetector, find_faces
from affect_core.smoothing import Smoothed
from affect_core.spec import PreprocessSpec
from affect_core.temporal import TemporalState
from affect_core.tracks import FaceSelector, Tracker
from affect_core.types import Detection, FaceChoice, FaceCrop, PreparedSample, Sample


@dataclass(eq=False, slots=True)
class TrackMemory:
    """What a track's past comes to. Both are None before its first crop.

    Both are values that a step replaces and never changes, so copies may share them.
    """

    temporal: TemporalState | None = None
    smoothed: Smoothed | None = None


@dataclass(eq=False, slots=True)
class Session:
    """Tracks, primary face and temporal states after the samples seen so far."""

    spec: PreprocessSpec
    tracker: Tracker
    selector: FaceSelector
    memories: dict[int, TrackMemory] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    """Width and height of its frames; None before the first."""
    samples: int = 0
    """How many were seen."""
    last_s: float = -math.inf
    """The last one's time in seconds."""

    @classmethod
    def begin(cls, spec: PreprocessSpec, faces: FaceChoice) -> Session:
        """A session that has seen nothing yet.

        Args:
            spec: how faces are found, followed and cropped.
            faces: which of them are wanted.
        """
        return cls(spec, Tracker(spec), FaceSelector(faces))

    def see(self, sample: Sample, detector: FaceDetector) -> PreparedSample:
        """Find, follow, choose and crop the faces of the next sample.

        Raises:
            SessionMismatchError: as `follow`.
        """
        return self.follow(sample, find_faces(detector, sample.image, self.spec))

    def follow(self, sample: Sample, found: list[Detection]) -> PreparedSample:
        """Follow, choose and crop the faces found in the next sample.

        Raises:
            SessionMismatchError: its time is not after the last one's, or its frame has another
                size. The session is as it was.
        """
        self._check(sample)
        faces, ended = self.tracker.update(sample.time_s, found)
        wanted = self.selector.select(faces, ended)
        crops = tuple(
            FaceCrop(face, crop_square(sample.image, face.square, self.spec.crop_size))
            for face in wanted
        )
        self.samples += 1
        self.last_s = sample.time_s
        return PreparedSample(sample.index, sample.time_s, crops, ended)

    def memory(self, track: int) -> TrackMemory:
        """The memory of a track, which what values its crops changes."""
        return self.memories.setdefault(track, TrackMemory())

    def forget(self, tracks: Iterable[int]) -> None:
        """Drop the memories of tracks that have ended; those without one are no mistake."""
        for track in tracks:
            self.memories.pop(track, None)

    def copy(self) -> Session:
        """A session that goes on from here without changing this one. It copies no tensor."""
        return replace(
            self,
            tracker=self.tracker.copy(),
            selector=copy(self.selector),
            memories={track: replace(memory) for track, memory in self.memories.items()},
        )

    def _check(self, sample: Sample) -> None:
        if sample.time_s <= self.last_s:
            raise SessionMismatchError(
                f"A sample at {sample.time_s:g} s cannot follow the session's last one at "
                f"{self.last_s:g} s: times must increase, also from request to request."
            )
        height, width = sample.image.shape[:2]
        if self.size is not None and self.size != (width, height):
            raise SessionMismatchError(
                f"The frame has {width}x{height} pixels and this session's frames have "
                f"{self.size[0]}x{self.size[1]}: boxes and tracks would not fit. Scale it to "
                "that size, or begin a new session."
            )
        self.size = (width, height)
