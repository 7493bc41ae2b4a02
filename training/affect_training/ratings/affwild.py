"""Aff-Wild: `{valence,arousal}/NNN.txt`, one value a line, a line a frame.

Zafeiriou et al., "Aff-Wild: Valence and Arousal 'in-the-wild' Challenge" (CVPRW 2017,
doi:10.1109/CVPRW.2017.248).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.files import (
    find_clip,
    paired_files,
    rating,
    read_lines,
    subject_of,
    tracked,
)
from affect_training.ratings.frames import frame_trace
from affect_training.ratings.types import Floats, RatedClip

ANNOTATOR: Final = "aff-wild"


def read_affwild(
    ratings: Path, clips: Path, subjects: Mapping[str, str] | None, progress: Advance
) -> list[RatedClip]:
    """Every video that has both text files.

    Args:
        ratings: the folder that holds `valence` and `arousal` (`annotations/train`).
        clips: folder of videos with the same names.
        subjects: by clip; None: each video shows a person of its own.
        progress: called as clips are read.

    Raises:
        DataError: names the file and line.
    """
    rated = []
    for path in tracked(paired_files(ratings, "*.txt"), progress):
        name = path.stem
        clip = find_clip(clips, name, path)
        other = ratings / "valence" / path.name
        arousal, valence = _read(path, "arousal"), _read(other, "valence")
        if len(arousal) != len(valence):
            raise DataError(
                f"{path} rates {len(arousal)} frames and {other} {len(valence)}: one is cut short."
            )
        trace = frame_trace(
            ANNOTATOR,
            source=path,
            clip=clip,
            number=range(len(arousal)),
            arousal=arousal,
            valence=valence,
        )
        rated.append(RatedClip(clip, subject_of(name, name, subjects), None, (trace,), str(path)))
    return rated


def _read(path: Path, what: str) -> Floats:
    lines = read_lines(path)
    if not lines:
        raise DataError(f"{path} rates no frame.")
    values = [rating(text, f"{path}, line {row}", what) for row, text in enumerate(lines, 1)]
    return np.array(values, dtype=np.float64)
