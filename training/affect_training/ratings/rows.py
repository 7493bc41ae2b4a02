"""The manifest's rows as columns that know their line, from CSV or Parquet."""

from __future__ import annotations

import csv
import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from affect_training.errors import DataError
from affect_training.ratings.types import Floats

TEXT_COLUMNS: Final = ("clip", "subject", "annotator", "split")
NUMBER_COLUMNS: Final = ("time_s", "arousal", "valence")

Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A manifest's rows in the file's order; every array has shape (rows,).

    `number` int64 is the line, or a Parquet file's row, counted from 1. The texts are str, empty
    where missing; the numbers float64, NaN where empty.
    """

    path: Path
    unit: Literal["line", "row"]
    number: NDArray[np.int64]
    clip: Texts
    subject: Texts
    annotator: Texts
    split: Texts
    time_s: Floats
    arousal: Floats
    valence: Floats

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.path}, {self.unit} {self.number[row]}"

    def refuse(self, bad: NDArray[np.bool_], sentence: str) -> None:
        """Raise `DataError` with `sentence` for the first row where `bad` is True."""
        if bad.any():
            row = int(np.argmax(bad))
            values = ", ".join(f"{name} {getattr(self, name)[row]}" for name in NUMBER_COLUMNS)
            raise DataError(f"{self.place(row)}: {sentence} (clip {self.clip[row]}, {values}).")


def read_csv(path: Path) -> Rows:
    """A CSV file in UTF-8 with a header.

    Raises:
        DataError: names the file and line.
    """
    numbers = {name: array("d") for name in NUMBER_COLUMNS}
    texts: dict[str, list[str]] = {name: [] for name in TEXT_COLUMNS}
    lines = array("q")
    # A manifest of millions of rows has few different names; each is kept once.
    known: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            at = _positions(path, header)
            for row in reader:
                place = f"{path}, line {reader.line_num}"
                if len(row) != len(header):
                    raise DataError(f"{place}: {len(row)} cells under a header of {len(header)}.")
                lines.append(reader.line_num)
                for name in NUMBER_COLUMNS:
                    numbers[name].append(_number(row[at[name]], place, name))
                for name in TEXT_COLUMNS:
                    text = row[at[name]].strip() if name in at else ""
                    texts[name].append(known.setdefault(text, text))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error.reason}).") from error
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}).") from error
    return Rows(
        path=path,
        unit="line",
        number=np.array(lines, dtype=np.int64),
        clip=np.array(texts["clip"], dtype=object),
        subject=np.array(texts["subject"], dtype=object),
        annotator=np.array(texts["annotator"], dtype=object),
        split=np.array(texts["split"], dtype=object),
        time_s=np.array(numbers["time_s"], dtype=np.float64),
        arousal=np.array(numbers["arousal"], dtype=np.float64),
        valence=np.array(numbers["valence"], dtype=np.float64),
    )


def read_parquet(path: Path) -> Rows:
    """A Parquet file; null is empty, and NaN is an error.

    Raises:
        DataError: names the file and, where there is one, the row.
    """
    try:
        names = pq.read_schema(path).names
        at = _positions(path, names)
        table = pq.read_table(path, columns=list(at))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except pa.ArrowException as error:
        raise DataError(f"{path} is not a Parquet file: {error}.") from error

    def text(name: str) -> Texts:
        if name not in at:
            return np.full(table.num_rows, "", dtype=object)
        return _text_column(path, name, table.column(name))

    def number(name: str) -> Floats:
        return _float_column(path, name, table.column(name))

    return Rows(
        path=path,
        unit="row",
        number=np.arange(1, table.num_rows + 1, dtype=np.int64),
        clip=text("clip"),
        subject=text("subject"),
        annotator=text("annotator"),
        split=text("split"),
        time_s=number("time_s"),
        arousal=number("arousal"),
        valence=number("valence"),
    )


def _positions(path: Path, header: list[str]) -> dict[str, int]:
    """Where each known column stands; `split` may be absent."""
    names = [name.strip() for name in header]
    missing = [n for n in (*TEXT_COLUMNS, *NUMBER_COLUMNS) if n not in names and n != "split"]
    if missing:
        raise DataError(
            f"{path}, line 1: column {', '.join(missing)} is missing; the header must name clip, "
            "subject, time_s, arousal, valence, annotator."
        )
    known = [name for name in names if name in (*TEXT_COLUMNS, *NUMBER_COLUMNS)]
    if len(known) != len(set(known)):
        raise DataError(f"{path}, line 1: a column is named twice: {', '.join(known)}.")
    return {name: names.index(name) for name in known}


def _number(text: str, place: str, column: str) -> float:
    text = text.strip()
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{place}: {column} is {text!r}, which is not a number.")
    return value


def _float_column(path: Path, name: str, column: pa.ChunkedArray[Any]) -> Floats:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"{path}: column {name} holds {column.type}, not numbers.")
    values = column.cast(pa.float64())
    bad = pc.fill_null(pc.invert(pc.is_finite(values)), fill_value=False)
    if (row := pc.index(bad, value=True).as_py()) >= 0:
        raise DataError(
            f"{path}, row {row + 1}: {name} is {values[row].as_py()}, which is not a number."
        )
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def _text_column(path: Path, name: str, column: pa.ChunkedArray[Any]) -> Texts:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DataError(f"{path}: column {name} holds {column.type}, not text.")
    texts = pc.fill_null(pc.utf8_trim_whitespace(column), "")
    return np.array(texts.to_pylist(), dtype=object)
