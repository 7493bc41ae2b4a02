"""Detections -> tracks: one id per person, by overlap, looking back only."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from affect_core.spec import PreprocessSpec
from affect_core.types import Box, Detection, FaceChoice, TrackedFace

_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class _Track:
    box: Box
    smooth: Box
    seen_s: float


@dataclass(eq=False, slots=True)
class Tracker:
    """Follows every face of one clip or session.

    A face continues the track whose last box overlaps it most, from the best pair down, if
    the overlap reaches `track_min_iou`; otherwise it starts a track. A track that is missing
    from a frame, and unseen for more than `track_max_gap_s`, has ended; its id is not used
    again. (Samples further apart than that end no track that is in each of them.)
    """

    _spec: PreprocessSpec
    _tracks: dict[int, _Track] = field(default_factory=dict)
    _next: int = 0
    _last_s: float = -math.inf

    def update(
        self, time_s: float, detections: list[Detection]
    ) -> tuple[tuple[TrackedFace, ...], tuple[int, ...]]:
        """The faces of one frame, in the order given, and the tracks that ended before it.

        Args:
            time_s: seconds, not before the last call's.
            detections: of this frame, largest first.
        """
        ended = tuple(
            track
            for track, state in self._tracks.items()
            if state.seen_s < self._last_s
            and time_s - state.seen_s > self._spec.track_max_gap_s + _TIME_TOLERANCE_S
        )
        self._last_s = time_s
        for track in ended:
            del self._tracks[track]
        matched = self._match(detections)
        faces = tuple(
            self._see(time_s, detection, matched.get(position))
            for position, detection in enumerate(detections)
        )
        return faces, ended

    def copy(self) -> Tracker:
        """A tracker that goes on from here without changing this one."""
        return replace(self, _tracks=dict(self._tracks))

    def _match(self, detections: list[Detection]) -> dict[int, int]:
        """Detection position -> track, greedily by overlap; ties go to the older track."""
        pairs = sorted(
            (-overlap, track, position)
            for track, state in self._tracks.items()
            for position, detection in enumerate(detections)
            if (overlap := state.box.iou(detection.box)) >= self._spec.track_min_iou
        )
        matched: dict[int, int] = {}
        taken: set[int] = set()
        for _, track, position in pairs:
            if track not in taken and position not in matched:
                matched[position] = track
                taken.add(track)
        return matched

    def _see(self, time_s: float, detection: Detection, track: int | None) -> TrackedFace:
        target = _square(detection.box, self._spec.crop_margin)
        if track is None:
            track, self._next = self._next, self._next + 1
            smooth = target
        else:
            state = self._tracks[track]
            smooth = _low_pass(
                state.smooth, target, time_s - state.seen_s, self._spec.box_smoothing_s
            )
        self._tracks[track] = _Track(detection.box, smooth, time_s)
        return TrackedFace(track, detection, smooth)


class FaceSelector:
    """Which tracked faces are wanted: all of them, or the primary one.

    The primary face is the largest; it is followed until its track ends, then again the
    largest is taken.
    """

    def __init__(self, faces: FaceChoice) -> None:
        self._all = faces == "all"
        self._primary: int | None = None

    def select(
        self, faces: tuple[TrackedFace, ...], ended: tuple[int, ...]
    ) -> tuple[TrackedFace, ...]:
        """The wanted ones of a frame's faces, given the tracks that ended before it."""
        if self._all:
            return faces
        if self._primary in ended:
            self._primary = None
        if self._primary is None and faces:
            self._primary = max(faces, key=lambda face: face.detection.box.area).track
        return tuple(face for face in faces if face.track == self._primary)


def _square(box: Box, margin: float) -> Box:
    """The square around the box's centre, its longer side plus `margin` of it on each side."""
    side = max(box.width, box.height) * (1 + 2 * margin)
    return Box(box.x + (box.width - side) / 2, box.y + (box.height - side) / 2, side, side)


def _low_pass(last: Box, target: Box, elapsed_s: float, time_constant_s: float) -> Box:
    """First-order low-pass: the weight of the past is exp(-elapsed / time constant)."""
    keep = math.exp(-elapsed_s / time_constant_s) if time_constant_s > 0 else 0.0

    def blend(old: float, new: float) -> float:
        return keep * old + (1 - keep) * new

    side = blend(last.width, target.width)
    centre_x = blend(last.x + last.width / 2, target.x + target.width / 2)
    centre_y = blend(last.y + last.height / 2, target.y + target.height / 2)
    return Box(centre_x - side / 2, centre_y - side / 2, side, side)
