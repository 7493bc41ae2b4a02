"""AFEW-VA: `001/001.json`, integers in [-10, 10] for each frame, number from 0.

Kossaifi et al., "AFEW-VA database for valence and arousal estimation in-the-wild" (Image and
Vision Computing 65, 2017, doi:10.1016/j.imavis.2017.02.001). It ships its clips as folders of
images; see `images`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.files import (
    VIDEO_SUFFIXES,
    find_clip,
    rating_files,
    subject_of,
    tracked,
)
from affect_training.ratings.frames import frame_trace
from affect_training.ratings.images import image_files, write_clip
from affect_training.ratings.types import Floats, RatedClip

ANNOTATOR: Final = "afew-va"

_SCALE: Final = 10


def read_afewva(
    ratings: Path,
    clips: Path,
    subjects: Mapping[str, str] | None,
    progress: Advance,
    *,
    image_fps: float | None = None,
) -> list[RatedClip]:
    """Every clip that has a folder `NNN/NNN.json`.

    Its frames are a video `NNN.*` beside the JSON or in `clips`, or else the images beside the
    JSON, which are written as `clips/NNN.mkv` without loss.

    Args:
        ratings: the folder of folders.
        clips: where videos are, or are written from images.
        subjects: by clip; None: each clip shows a person of its own.
        progress: called as clips are read.
        image_fps: frames a second of the images, which do not tell.

    Raises:
        DataError: names the file and what is wrong in it.
    """
    rated = []
    for path in tracked(rating_files(ratings, "*/*.json"), progress):
        name = path.stem
        if path.parent.name != name:
            raise DataError(f"{path} should be called {path.parent.name}.json, as its folder.")
        numbers, arousal, valence = _read(path)
        clip, number_of = _frames(path, clips, image_fps)
        unknown = [n for n in numbers if number_of is not None and n not in number_of]
        if unknown:
            raise DataError(f"{path}: frame {unknown[0]:05d} is rated, and has no image.")
        trace = frame_trace(
            ANNOTATOR,
            source=path,
            clip=clip,
            number=numbers if number_of is None else [number_of[n] for n in numbers],
            arousal=arousal,
            valence=valence,
        )
        rated.append(RatedClip(clip, subject_of(name, name, subjects), None, (trace,), str(path)))
    return rated


def _frames(path: Path, clips: Path, image_fps: float | None) -> tuple[Path, dict[int, int] | None]:
    """The clip, and where its frames with such numbers stand; None: frame n is number n."""
    name, folder = path.stem, path.parent
    if any((folder / f"{name}{suffix}").is_file() for suffix in VIDEO_SUFFIXES):
        return find_clip(folder, name, path), None
    images = image_files(folder)
    if not images:
        return find_clip(clips, name, path), None
    if image_fps is None:
        raise DataError(
            f"{folder} holds images, which do not tell their frame rate: give it with --image-fps."
        )
    clip = (clips / f"{name}.mkv").absolute()
    write_clip(images, image_fps, clip)
    return clip, {number: place for place, number in enumerate(images)}


def _read(path: Path) -> tuple[list[int], Floats, Floats]:
    """Frame numbers, increasing, with arousal and valence, each float64 (n,) in [-1, 1]."""
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, dict) or not frames:
        raise DataError(f"{path} has no frames.")
    rated: dict[int, tuple[float, float]] = {}
    for key, frame in frames.items():
        if not key.isdecimal() or int(key) in rated:
            raise DataError(f"{path}: {key!r} is no frame number, or stands there twice.")
        place = f"{path}: frame {key}"
        rated[int(key)] = (_rating(frame, "arousal", place), _rating(frame, "valence", place))
    numbers = sorted(rated)
    values = np.array([rated[n] for n in numbers], dtype=np.float64)
    return numbers, values[:, 0].copy(), values[:, 1].copy()


def _rating(frame: Any, what: str, place: str) -> float:
    value = frame.get(what) if isinstance(frame, dict) else None
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not abs(value) <= _SCALE  # json reads NaN
        or value != int(value)
    ):
        raise DataError(f"{place}: {what} is {value!r}, and should be a whole number in [-10, 10].")
    return float(value) / _SCALE
