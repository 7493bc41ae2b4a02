"""Answers in the contract's shape, made by hand where no model is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from affect_client import wire

Faces = Mapping[int, tuple[int, int, int, int]]
"""Boxes (x, y, width, height) by track."""


def affect(track: int, index: int) -> tuple[float, float]:
    """Arousal and valence of a track at a sample: smooth, and of each track its own."""
    angle = 0.2 * index + track
    return round(0.6 * math.sin(angle), 4), round(0.6 * math.cos(1.3 * angle), 4)


def answer(
    samples: Iterable[Faces],
    *,
    fps: float = 5.0,
    first: int = 0,
    size: tuple[int, int] = (320, 240),
    duration_s: float | None = None,
    codec: str = "h264",
    truncated: bool = False,
    trained_on: str = "Nothing: made up, for tests.",
    confidence: float | None = None,
) -> wire.Prediction:
    """The answer about a clip whose samples, from index `first` on, show these faces."""
    frames = [
        wire.Frame(
            index=index,
            time_s=index / fps,
            faces=[_face(track, index, box, confidence) for track, box in faces.items()],
        )
        for index, faces in enumerate(samples, first)
    ]
    return wire.Prediction(
        model=wire.ModelInfo(
            name="affect",
            version="1.0",
            architecture="vgg19-convlstm",
            weights="sha256:" + "0123456789abcdef" * 4,
            trained_on=trained_on,
        ),
        clip=wire.Clip(
            duration_s=len(frames) / fps if duration_s is None else duration_s,
            width=size[0],
            height=size[1],
            codec=codec,
            rotation=0,
            truncated=truncated,
        ),
        sample_fps=fps,
        frames=frames,
        tracks=_tracks(frames),
        timing_s=wire.Timing(decode=0.1, detect=0.1, backbone=1, temporal=0.1, total=1.3),
    )


def _face(
    track: int, index: int, box: tuple[int, int, int, int], confidence: float | None
) -> wire.Face:
    x, y, width, height = box
    arousal, valence = affect(track, index)
    return wire.Face(
        track=track,
        box=wire.Box(x=x, y=y, width=width, height=height),
        score=0.9,
        arousal=arousal,
        valence=valence,
        confidence=confidence,
    )


def _tracks(frames: Sequence[wire.Frame]) -> list[wire.Track]:
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


def _statistics(values: Sequence[float]) -> wire.Statistics:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return wire.Statistics(mean=mean, std=math.sqrt(variance), min=min(values), max=max(values))
