"""Frames as a flat table, and its formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final, TextIO

from affect_client._optional import need
from affect_client.wire import Frame


@dataclass(frozen=True, slots=True)
class Row:
    """One face in one sampled frame, or a sampled frame without a face."""

    index: int
    """Of the sample."""
    time_s: float
    """Seconds from the clip's first frame."""
    track: int | None = None
    """The person; None in a frame without a face, and so are all that follow."""
    x: int | None = None
    """The box's left edge, pixels of the upright frame."""
    y: int | None = None
    """Its upper edge, pixels."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    score: float | None = None
    """The detector's, 0 to 1."""
    arousal: float | None = None
    """[-1, 1]."""
    valence: float | None = None
    """[-1, 1]."""
    confidence: float | None = None
    """The model's, 0 to 1; None also where the weights have none."""


COLUMNS: Final = tuple(column.name for column in fields(Row))
_INTEGERS: Final = ("track", "x", "y", "width", "height")
_NUMBERS: Final = ("score", "arousal", "valence", "confidence")


def rows(frames: Iterable[Frame]) -> Iterator[Row]:
    """One row for each face of each frame; frames without a face have one of their own."""
    for frame in frames:
        if not frame.faces:
            yield Row(frame.index, frame.time_s)
        for face in frame.faces:
            box = face.box
            yield Row(
                frame.index,
                frame.time_s,
                face.track,
                box.x,
                box.y,
                box.width,
                box.height,
                face.score,
                face.arousal,
                face.valence,
                face.confidence,
            )


def write_csv(frames: Iterable[Frame], file: TextIO) -> None:
    """With a header line; floats as short as they come back the same."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(astuple, rows(frames)))


def to_pandas(frames: Sequence[Frame], origin: dict[str, Any]) -> Any:
    """A DataFrame; see `AffectResult.to_pandas`."""
    pandas = need("pandas", "data", "AffectResult.to_pandas")
    columns = _columns(frames)
    kinds = {
        "index": "int64",
        "time_s": "float64",
        **dict.fromkeys(_INTEGERS, "Int64"),
        **dict.fromkeys(_NUMBERS, "float64"),
    }
    table = pandas.DataFrame(
        {name: pandas.Series(values, dtype=kinds[name]) for name, values in columns.items()}
    )
    table.attrs["affectline"] = origin
    return table


def write_parquet(frames: Sequence[Frame], origin: dict[str, Any], path: Path) -> None:
    """See `AffectResult.to_parquet`."""
    parquet = need("pyarrow.parquet", "data", "AffectResult.to_parquet")
    parquet.write_table(arrow_table(frames, origin), path)


def arrow_table(frames: Sequence[Frame], origin: dict[str, Any]) -> Any:
    """A `pyarrow.Table` with nulls for what is missing, and `origin` in its schema's metadata."""
    arrow = need("pyarrow", "data", "AffectResult.to_parquet")
    kinds = {
        "index": arrow.int64(),
        "time_s": arrow.float64(),
        **dict.fromkeys(_INTEGERS, arrow.int64()),
        **dict.fromkeys(_NUMBERS, arrow.float64()),
    }
    schema = arrow.schema(list(kinds.items()), metadata={"affectline": json.dumps(origin)})
    return arrow.Table.from_pydict(_columns(frames), schema=schema)


def _columns(frames: Sequence[Frame]) -> dict[str, list[Any]]:
    table = list(rows(frames))
    return {name: [getattr(row, name) for row in table] for name in COLUMNS}
