"""Answers for machines: JSON lines, CSV or Parquet, to standard output or a file."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from enum import Enum
from pathlib import Path
from typing import IO, Any, Final, Protocol

from affect_client._optional import need
from affect_client._tables import COLUMNS, arrow_table
from affect_client.cli.endings import CommandError, Ending, record
from affect_client.errors import AffectError
from affect_client.results import AffectResult

STDOUT: Final = "-"


class Form(Enum):
    """A form for machines; the value is the ending of a file's name."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Takes clips one after the other. `clip` is the clip as it was named.

    Attributes:
        count: of what was written.
    """

    count: int

    def result(self, clip: str, found: AffectResult) -> None:
        """A clip's answer."""

    def failure(self, clip: str, error: AffectError) -> None:
        """Why a clip has none."""


def form_of(asked: dict[Form, bool], out: str | None) -> Form | None:
    """The form that was asked for, by its option or by the file's name; None: for a person.

    Raises:
        CommandError: several, a file of none, or Parquet for a terminal.
    """
    chosen = [form for form, given in asked.items() if given]
    if len(chosen) > 1:
        raise CommandError("Choose one of --json, --csv and --parquet.", Ending.USAGE)
    form = chosen[0] if chosen else None
    if form is None and out is not None:
        endings = {".jsonl": Form.JSON, ".ndjson": Form.JSON} | {f".{x.value}": x for x in Form}
        form = endings.get(Path(out).suffix.lower())
        if form is None:
            raise CommandError(
                f"What form should {out!r} have? Add --json, --csv or --parquet, or let the name "
                "end in one of them.",
                Ending.USAGE,
            )
    if form is Form.PARQUET and out in {None, STDOUT}:
        raise CommandError("Parquet is no text: name a file with --out.", Ending.USAGE)
    return form


def require_place(out: str | None, clips: list[str]) -> None:
    """Find out before the work what would be found out after it.

    Raises:
        CommandError: the file's folder is not there, or the file is one of the clips.
    """
    if out is None or out == STDOUT:
        return
    path = Path(out)
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {str(path.parent)!r} for --out.", Ending.REFUSED)
    if path.is_dir():
        raise CommandError(f"--out {out!r} is a folder; name a file.", Ending.REFUSED)
    if path.exists() and any(Path(clip).exists() and path.samefile(clip) for clip in clips):
        raise CommandError(f"--out {out!r} is a clip, which would be lost.", Ending.USAGE)


@contextmanager
def opened(form: Form, out: str | None) -> Iterator[Writer]:
    """A writer, whose file is complete at the end, and begun with the first clip.

    Raises:
        OSError: the file cannot be written.
        ImportError: Parquet needs pyarrow (extra `data`).
    """
    if form is Form.PARQUET:
        tables = _Parquet()
        yield tables
        tables.write(Path(out or ""))
    elif out is None or out == STDOUT:
        yield _Json(sys.stdout) if form is Form.JSON else _Csv(sys.stdout)
    else:
        file = _Late(Path(out))
        try:
            yield _Json(file) if form is Form.JSON else _Csv(file)
        finally:
            file.close()


class _File(Protocol):
    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> None:
        """Let it be read by others."""


class _Late:
    """A file that is opened with the first write: what was there before is not lost for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def write(self, text: str, /) -> None:
        if self._file is None:
            # Names of files may hold bytes that are no text, which come out as they were.
            self._file = self._path.open(
                "w", encoding="utf-8", errors="surrogateescape", newline=""
            )
        self._file.write(text)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Json:
    """An object a line: `file`, then the answer's members, or `error`."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self.count = 0

    def result(self, clip: str, found: AffectResult) -> None:
        self.count += 1
        self._write({"file": clip, **found.model_dump(mode="json")})

    def failure(self, clip: str, error: AffectError) -> None:
        self.count += 1
        self._write({"file": clip, "error": record(error)})

    def _write(self, members: dict[str, Any]) -> None:
        self._file.write(json.dumps(members) + "\n")
        self._file.flush()


class _Csv:
    """The client's table with the clip in front; what failed has no rows."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self.count = 0

    def result(self, clip: str, found: AffectResult) -> None:
        # Written in one piece: whoever reads the beginning of few lines has all of them.
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self.count:
            rows.writerow(("file", *COLUMNS))
        self.count += 1
        rows.writerows((clip, *astuple(row)) for row in found.rows())
        self._file.write(text.getvalue())
        self._file.flush()

    def failure(self, clip: str, error: AffectError) -> None:
        pass


class _Parquet:
    """The same table with types; its metadata has the model and clip of each."""

    def __init__(self) -> None:
        # Before the work, not after it.
        self._arrow = need("pyarrow", "data", "--parquet")
        self._tables: list[Any] = []
        self.count = 0
        self._origins: list[dict[str, Any]] = []

    def result(self, clip: str, found: AffectResult) -> None:
        name = clip.encode("utf-8", "replace").decode()
        origin = found.model_dump(mode="json", include={"model", "clip", "sample_fps"})
        table = arrow_table(found.frames, origin)
        names = self._arrow.array([name] * table.num_rows, self._arrow.string())
        self._tables.append(table.add_column(0, "file", names))
        self.count += 1
        self._origins.append({"file": name, **origin})

    def failure(self, clip: str, error: AffectError) -> None:
        pass

    def write(self, path: Path) -> None:
        """All clips, in the order in which they came; nothing where there are none."""
        if self._tables:
            table = self._arrow.concat_tables(self._tables)
            metadata = {"affectline": json.dumps(self._origins)}
            parquet = need("pyarrow.parquet", "data", "--parquet")
            parquet.write_table(table.replace_schema_metadata(metadata), path)
