"""Rated clips for the tests: label files laid out on disk, and small manifests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from affect_training.ratings.manifest import write_manifest
from affect_training.ratings.types import RatedClip, Split, Trace
from clips import carphone, encode, face_comes_and_goes, no_face, portrait_pan


@lru_cache
def plain_clip(frames: int, fps: int, times_ms: tuple[int, ...] | None = None) -> bytes:
    """Gray frames, quick to make."""
    return encode([np.full((48, 64, 3), 90, np.uint8)] * frames, times_ms, fps=fps)


class LabelFolder:
    """A data set being laid out on disk, in any format."""

    def __init__(self, root: Path) -> None:
        self.ratings = root / "ratings"
        self.clips = root / "clips"
        self.ratings.mkdir()
        self.clips.mkdir()

    def text(self, name: str, content: str) -> Path:
        """A file of ratings, byte for byte."""
        path = self.ratings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        return path

    def clip(self, name: str, frames: int, fps: int = 25) -> Path:
        """A video of so many frames."""
        path = self.clips / name
        path.write_bytes(plain_clip(frames, fps))
        return path


def small_clips() -> dict[str, bytes]:
    """Six clips of 0.4 to 4 s, by the names that manifests give them."""
    return {
        "car.mp4": carphone(),
        "comes-and-goes.mp4": face_comes_and_goes((True, True, False, False, True, True)),
        "nobody.mp4": no_face(1.0),
        "pan.mp4": portrait_pan(),
        "short.mp4": portrait_pan(0.4),
        "wide.mp4": portrait_pan(1.0, 480, 270),
    }


def sine_trace(annotator: str, seconds: float, phase: float = 0.0) -> Trace:
    """A rating every 0.04 s: arousal a sine of 1 rad/s, valence its cosine, both halved."""
    time_s = np.arange(0, round(seconds * 25), dtype=np.float64) / 25
    return Trace(annotator, time_s, np.sin(time_s + phase) / 2, np.cos(time_s + phase) / 2)


def write_set(
    folder: Path,
    clips: Mapping[str, bytes],
    annotators: tuple[str, ...] = ("FM1", "FF1"),
    splits: Mapping[str, Split] | None = None,
) -> Path:
    """Clips in `folder`/clips, each a subject of its own, rated for 3 s; the manifest's path."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rated = []
    for name, data in clips.items():
        path = folder / "clips" / name
        path.write_bytes(data)
        traces = tuple(sine_trace(a, 3.0, phase / 10) for phase, a in enumerate(annotators))
        split = None if splits is None else splits[name]
        rated.append(RatedClip(path, f"subject of {name}", split, traces))
    manifest = folder / "labels.csv"
    write_manifest(manifest, rated)
    return manifest
