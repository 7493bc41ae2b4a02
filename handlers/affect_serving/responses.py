"""Results of the core -> the contract's answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from affect_client import wire
from affect_core.errors import ClipError
from affect_core.types import ClipInfo, FaceAffect, FrameAffect, StageSeconds
from affect_serving.requests import RequestError


def to_problem(error: ClipError | RequestError | None) -> wire.Problem:
    """The problem details of an error; None is a defect of ours."""
    if error is None:
        return wire.Problem.of(
            "internal_error",
            "The server failed on this clip; others are not affected. "
            "Report it with the time of the request; trying again will not help.",
        )
    # The core names codes by string so as not to know the contract; Problem validates them.
    code: wire.ProblemCode = error.code  # type: ignore[assignment]
    return wire.Problem.of(code, str(error))


def to_clip(clip: ClipInfo) -> wire.Clip:
    """The clip as the contract describes it."""
    return wire.Clip(
        duration_s=None if clip.duration_s is None else round(clip.duration_s, 6),
        width=clip.width,
        height=clip.height,
        codec=clip.codec,
        rotation=clip.rotation,
        truncated=clip.truncated,
    )


def to_frame(frame: FrameAffect) -> wire.Frame:
    """One sampled frame. Times, arousal and valence are rounded to 1e-6, the rest to 1e-4."""
    return wire.Frame(
        index=frame.index,
        time_s=round(frame.time_s, 6),
        faces=[_to_face(face) for face in frame.faces],
    )


def to_timing(seconds: StageSeconds) -> wire.Timing:
    """Stage times, rounded to a tenth of a millisecond."""
    return wire.Timing(
        decode=round(seconds.decode, 4),
        detect=round(seconds.detect, 4),
        backbone=round(seconds.backbone, 4),
        temporal=round(seconds.temporal, 4),
        total=round(seconds.total, 4),
    )


def summarise_tracks(frames: Iterable[wire.Frame]) -> list[wire.Track]:
    """Each track's span and statistics over its frames with a face, in order of ids."""
    seen: dict[int, list[tuple[float, wire.Face]]] = {}
    for frame in frames:
        for face in frame.faces:
            seen.setdefault(face.track, []).append((frame.time_s, face))
    return [
        wire.Track(
            track=track,
            start_s=sightings[0][0],
            end_s=sightings[-1][0],
            frames=len(sightings),
            arousal=_statistics([face.arousal for _, face in sightings]),
            valence=_statistics([face.valence for _, face in sightings]),
        )
        for track, sightings in sorted(seen.items())
    ]


def _to_face(face: FaceAffect) -> wire.Face:
    box = face.face.detection.box
    return wire.Face(
        track=face.face.track,
        box=wire.Box(x=int(box.x), y=int(box.y), width=int(box.width), height=int(box.height)),
        score=round(face.face.detection.score, 4),
        arousal=round(face.arousal, 6),
        valence=round(face.valence, 6),
        confidence=None if face.confidence is None else round(face.confidence, 4),
    )


def _statistics(values: Sequence[float]) -> wire.Statistics:
    array = np.asarray(values, dtype=np.float64)
    return wire.Statistics(
        # The mean of equal values may leave [-1, 1] by a rounding error.
        mean=float(np.clip(array.mean(), array.min(), array.max())),
        std=float(array.std()),
        min=float(array.min()),
        max=float(array.max()),
    )
