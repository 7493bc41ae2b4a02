"""Aff-Wild2: one text file a video, header `valence,arousal`, a line a frame, -5 is invalid.

Kollias and Zafeiriou, "Expression, Affect, Action Unit Recognition: Aff-Wild2" (2019,
arXiv:1910.04855). Frames count from 1 there: line 2 of the file is the first frame.
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
    number,
    rating,
    rating_files,
    read_lines,
    subject_of,
    tracked,
)
from affect_training.ratings.frames import frame_trace
from affect_training.ratings.types import Floats, RatedClip

ANNOTATOR: Final = "aff-wild2"

_INVALID: Final = -5.0


def read_affwild2(
    ratings: Path, clips: Path, subjects: Mapping[str, str] | None, progress: Advance
) -> list[RatedClip]:
    """Every video that has a text file in `ratings`.

    `video5_left.txt` rates one of two people; it wants a video `video5_left` cut to that person,
    because the whole one does not say who is meant. Both are taken for one subject, so that they
    never stand in two splits.

    Args:
        ratings: folder of text files.
        clips: folder of videos with the same names.
        subjects: by clip; None: each video shows a person of its own.
        progress: called as clips are read.

    Raises:
        DataError: names the file and line.
    """
    rated = []
    for path in tracked(rating_files(ratings, "*.txt"), progress):
        name = path.stem
        clip = find_clip(clips, name, path)
        arousal, valence = _read(path)
        trace = frame_trace(
            ANNOTATOR,
            source=path,
            clip=clip,
            number=range(len(arousal)),
            arousal=arousal,
            valence=valence,
        )
        person = name.removesuffix("_left").removesuffix("_right")
        rated.append(RatedClip(clip, subject_of(name, person, subjects), None, (trace,), str(path)))
    return rated


def _read(path: Path) -> tuple[Floats, Floats]:
    """Arousal and valence, each float64 (frames,), NaN where a frame is invalid."""
    lines = read_lines(path)
    header = [cell.strip().lower() for cell in lines[0].split(",")] if lines else []
    if header != ["valence", "arousal"]:
        raise DataError(f"{path}, line 1: the header must be valence,arousal.")
    if len(lines) == 1:
        raise DataError(f"{path} rates no frame.")
    values = np.full((len(lines) - 1, 2), np.nan)
    for row, line in enumerate(lines[1:]):
        place = f"{path}, line {row + 2}"
        cells = line.split(",")
        if len(cells) != 2:
            raise DataError(f"{place}: {line!r} is not valence,arousal.")
        if _INVALID not in {number(cell, place, "a rating") for cell in cells}:
            values[row] = (rating(cells[0], place, "valence"), rating(cells[1], place, "arousal"))
    return values[:, 1].copy(), values[:, 0].copy()
