"""ANNEMO exports as RECOLA ships them: `{arousal,valence}/P16.csv`, one column an annotator.

Ringeval et al., "Introducing the RECOLA multimodal corpus of remote collaborative and affective
interactions" (FG 2013, doi:10.1109/FG.2013.6553805). The separator is `;`, names end in spaces
(`FM1 `), a row is 0.04 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.files import (
    find_clip,
    number,
    paired_files,
    rating,
    read_lines,
    subject_of,
    tracked,
)
from affect_training.ratings.types import Floats, RatedClip, Trace

_SAME_TIME_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """One file: `time_s` float64 (rows,), `values` float64 (rows, annotators), NaN where empty."""

    path: Path
    annotators: tuple[str, ...]
    time_s: Floats
    values: Floats


def read_annemo(
    ratings: Path, clips: Path, subjects: Mapping[str, str] | None, progress: Advance
) -> list[RatedClip]:
    """Every video that has both files. Times are the files' own, whatever the frame rate.

    Args:
        ratings: the folder that holds `arousal` and `valence`.
        clips: folder of videos with the same names.
        subjects: by clip; None: each video shows a person of its own.
        progress: called as clips are read.

    Raises:
        DataError: names the file and line.
    """
    rated = []
    for path in tracked(paired_files(ratings, "*.csv"), progress):
        name = path.stem
        clip = find_clip(clips, name, path)
        arousal = _read(path, "arousal")
        valence = _read(ratings / "valence" / path.name, "valence")
        traces = _traces(arousal, valence)
        rated.append(RatedClip(clip, subject_of(name, name, subjects), None, traces, str(path)))
    return rated


def _traces(arousal: _Table, valence: _Table) -> tuple[Trace, ...]:
    """Both dimensions joined; an annotator is the same column name in both."""
    if set(arousal.annotators) != set(valence.annotators):
        raise DataError(
            f"{arousal.path} has the annotators {', '.join(arousal.annotators)}, and "
            f"{valence.path} {', '.join(valence.annotators)}."
        )
    if len(arousal.time_s) != len(valence.time_s):
        raise DataError(
            f"{arousal.path} has {len(arousal.time_s)} rows and {valence.path} "
            f"{len(valence.time_s)}: one is cut short."
        )
    apart = np.abs(arousal.time_s - valence.time_s) > _SAME_TIME_S
    if apart.any():
        raise DataError(
            f"{valence.path}, line {np.argmax(apart) + 2}: its time is not that of the same line "
            f"in {arousal.path}."
        )
    traces = []
    for column, annotator in enumerate(arousal.annotators):
        a = arousal.values[:, column]
        v = valence.values[:, valence.annotators.index(annotator)]
        half = np.isnan(a) != np.isnan(v)
        if half.any():
            row = int(np.argmax(half))
            empty = arousal.path if np.isnan(a[row]) else valence.path
            raise DataError(
                f"{empty}, line {row + 2}: {annotator}'s cell is empty, and the other dimension's "
                "is not. Leave both empty where not rated."
            )
        traces.append(Trace(annotator, arousal.time_s, a.copy(), v.copy()))
    return tuple(traces)


def _read(path: Path, what: str) -> _Table:
    lines = read_lines(path)
    header = [cell.strip() for cell in lines[0].split(";")] if lines else []
    if len(header) < 2 or header[0].lower() != "time" or not all(header):
        raise DataError(f"{path}, line 1: the header must be time;NAME;NAME ...")
    if len(set(header)) != len(header):
        raise DataError(f"{path}, line 1: an annotator is named twice.")
    if len(lines) == 1:
        raise DataError(f"{path} holds no rating.")
    time_s = np.zeros(len(lines) - 1)
    values = np.full((len(lines) - 1, len(header) - 1), np.nan)
    for row, line in enumerate(lines[1:]):
        place = f"{path}, line {row + 2}"
        cells = [cell.strip() for cell in line.split(";")]
        if len(cells) != len(header):
            raise DataError(f"{place}: {len(cells)} cells under a header of {len(header)}.")
        time_s[row] = number(cells[0], place, "time")
        if time_s[row] < 0 or (row and time_s[row] <= time_s[row - 1]):
            raise DataError(f"{place}: time {cells[0]} does not increase from 0.")
        for column, cell in enumerate(cells[1:]):
            if cell:
                values[row, column] = rating(cell, place, f"{header[column + 1]}'s {what}")
    return _Table(path, tuple(header[1:]), time_s, values)
