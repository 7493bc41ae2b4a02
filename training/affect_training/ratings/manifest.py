"""The manifest: every rating of every clip, as one CSV or Parquet file.

Columns `clip` (path, relative to the manifest's folder or absolute), `subject`, `time_s`,
`arousal`, `valence`, `annotator`, and optionally `split`; others are left alone. Arousal and
valence both empty mean that the annotator did not rate then.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from affect_training.errors import DataError
from affect_training.ratings.disk import replacing
from affect_training.ratings.rows import TEXT_COLUMNS, Rows, read_csv, read_parquet
from affect_training.ratings.types import SPLITS, RatedClip, Split, Trace

COLUMNS: Final = ("clip", "subject", "time_s", "arousal", "valence", "annotator", "split")


def read_manifest(path: Path) -> list[RatedClip]:
    """The manifest's clips, in order of their names; their files need not exist.

    Raises:
        DataError: the file cannot be read, or a row is not as this module says; names the file
            and the line (Parquet: the row, counted from 1).
    """
    if path.suffix.lower() == ".parquet":
        rows = read_parquet(path)
    elif path.suffix.lower() == ".csv":
        rows = read_csv(path)
    else:
        raise DataError(f"{path} is neither .csv nor .parquet.")
    if len(rows.number) == 0:
        raise DataError(f"{path} holds no rating.")
    _check(rows)
    folder = path.parent.absolute()
    frame = pd.DataFrame({name: getattr(rows, name) for name in TEXT_COLUMNS})
    clips = [
        _clip(rows, folder, np.asarray(places, dtype=np.int64))
        for _, places in sorted(frame.groupby("clip", sort=False).indices.items())
    ]
    _check_spellings(path, clips)
    return sorted(clips, key=lambda clip: clip_name(clip.clip, folder))


def write_manifest(path: Path, clips: Iterable[RatedClip]) -> None:
    """Write a manifest, CSV or Parquet by `path`'s suffix; it replaces the file when complete.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise DataError(f"{path} is neither .csv nor .parquet.")
    folder = path.parent.absolute()
    frames = []
    for clip in clips:
        for trace in clip.traces:
            frame = pd.DataFrame(
                {"time_s": trace.time_s, "arousal": trace.arousal, "valence": trace.valence}
            )
            frame["clip"] = clip_name(clip.clip, folder)
            frame["subject"], frame["annotator"] = clip.subject, trace.annotator
            frame["split"] = clip.split or ""
            frames.append(frame[list(COLUMNS)])
    if not frames:
        raise DataError(f"{path} would hold no clip.")
    table = pd.concat(frames, ignore_index=True)
    if (table["split"] == "").all():
        table = table.drop(columns="split")
    with replacing(path) as file:
        if path.suffix.lower() == ".csv":
            table.to_csv(file, index=False, lineterminator="\n", encoding="utf-8")
        else:
            pq.write_table(pa.Table.from_pandas(table, preserve_index=False), file)


def clip_name(clip: Path, folder: Path) -> str:
    """How a manifest in `folder` names a clip: relative if it lies below, with slashes."""
    return (clip.relative_to(folder) if clip.is_relative_to(folder) else clip).as_posix()


def _check(rows: Rows) -> None:
    """Raise for the first row whose values are out of place."""
    rows.refuse(
        ~np.isfinite(rows.time_s) | (rows.time_s < 0), "time_s must be a number of seconds from 0"
    )
    for name in ("arousal", "valence"):
        values = getattr(rows, name)
        rows.refuse(np.abs(values) > 1, f"{name} must lie in [-1, 1]")
    rows.refuse(
        np.isnan(rows.arousal) != np.isnan(rows.valence),
        "one of arousal and valence is empty; give both, or leave both empty where not rated",
    )
    for name in ("clip", "subject", "annotator"):
        rows.refuse(getattr(rows, name) == "", f"{name} is empty")
    rows.refuse(
        ~np.isin(rows.split.astype(str), ["", *SPLITS]), f"split must be one of {', '.join(SPLITS)}"
    )
    frame = pd.DataFrame({name: getattr(rows, name) for name in TEXT_COLUMNS})
    first = frame.groupby("clip", sort=False).transform("first")
    for name in ("subject", "split"):
        rows.refuse(
            (frame[name] != first[name]).to_numpy(), f"{name} differs from the clip's first row"
        )
    time_s = pd.Series(rows.time_s)
    before = time_s.groupby([frame["clip"], frame["annotator"]], sort=False).shift()
    rows.refuse(
        (time_s <= before).to_numpy(),
        "time_s does not increase from this annotator's row before in this clip",
    )


def _clip(rows: Rows, folder: Path, places: NDArray[np.int64]) -> RatedClip:
    """One clip of its checked rows, `places` in the file's order."""
    annotator = rows.annotator[places]
    traces = []
    for name in sorted(set(annotator)):
        own = places[annotator == name]
        traces.append(Trace(name, rows.time_s[own], rows.arousal[own], rows.valence[own]))
    first = places[0]
    split: Split | None = rows.split[first] or None
    return RatedClip(
        clip=Path(os.path.normpath(folder / rows.clip[first])),
        subject=rows.subject[first],
        split=split,
        traces=tuple(traces),
        source=rows.place(int(first)),
    )


def _check_spellings(path: Path, clips: list[RatedClip]) -> None:
    seen: dict[Path, RatedClip] = {}
    for clip in clips:
        if (other := seen.setdefault(clip.clip, clip)) is not clip:
            raise DataError(
                f"{path} spells one clip in two ways: {clip.clip} at {other.source} and at "
                f"{clip.source}. Use one."
            )
