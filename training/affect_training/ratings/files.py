"""What the readers of all formats share: text files, clips beside them, subjects."""

from __future__ import annotations

import csv
import glob
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from affect_training.errors import DataError
from affect_training.progress import Advance

VIDEO_SUFFIXES: Final = (
    ".mp4",
    ".avi",
    ".mkv",
    ".mov",
    ".webm",
    ".m4v",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".flv",
    ".ogv",
    ".mts",
)


def tracked(files: Sequence[Path], progress: Advance) -> Iterator[Path]:
    """The files, telling `progress` before each and at the end."""
    for done, file in enumerate(files):
        progress(done, len(files))
        yield file
    progress(len(files), len(files))


def read_lines(path: Path) -> list[str]:
    """A text file's lines without surrounding spaces; blank ones at its end are left out.

    Raises:
        DataError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error.reason}).") from error
    return [line.strip() for line in text.rstrip().splitlines()]


def rating_files(folder: Path, pattern: str) -> list[Path]:
    """The files that match, in order of their names.

    Raises:
        DataError: there is none.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise DataError(f"{folder} holds no {pattern}: is it the folder of the ratings?")
    return files


def paired_files(ratings: Path, pattern: str) -> list[Path]:
    """The files in `arousal`, each of which has its like in `valence`, and the reverse.

    Raises:
        DataError: one is without the other.
    """
    arousal = rating_files(ratings / "arousal", pattern)
    valence = rating_files(ratings / "valence", pattern)
    alone = {path.name for path in arousal} ^ {path.name for path in valence}
    if alone:
        name = min(alone)
        folder = "valence" if (ratings / "arousal" / name).is_file() else "arousal"
        raise DataError(f"{ratings / folder / name} is missing; the other dimension has it.")
    return arousal


def number(text: str, place: str, what: str) -> float:
    """A finite number.

    Raises:
        DataError: `text` is none; names `place` ("file, line n").
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{place}: {what} is {text!r}, which is not a number.")
    return value


def rating(text: str, place: str, what: str) -> float:
    """A number in [-1, 1].

    Raises:
        DataError: `text` is none; names `place`.
    """
    value = number(text, place, what)
    if abs(value) > 1:
        raise DataError(f"{place}: {what} is {text}, which is outside [-1, 1].")
    return value


def find_clip(folder: Path, name: str, source: Path) -> Path:
    """The video called `name`, whatever its suffix, as an absolute path.

    Raises:
        DataError: there is none, or there are several; names `source`, the ratings' file.
    """
    found = sorted(
        file
        for file in folder.glob(f"{glob.escape(name)}.*")
        if file.stem == name and file.suffix.lower() in VIDEO_SUFFIXES
    )
    if not found:
        raise DataError(
            f"{source} rates {name}, and {folder} has no video of that name "
            f"({', '.join(VIDEO_SUFFIXES)})."
        )
    if len(found) > 1:
        raise DataError(
            f"{source} rates {name}, and {folder} has {found[0].name} and {found[1].name}. "
            "Keep the one that was rated."
        )
    return found[0].absolute()


def read_subjects(path: Path) -> dict[str, str]:
    """Who is seen in which clip, from a CSV file with the header `clip,subject`.

    Clips are named as their videos, without folder and suffix.

    Raises:
        DataError: names the file and line.
    """
    lines = read_lines(path)
    rows = list(csv.reader(lines))
    if not rows or [cell.strip() for cell in rows[0]] != ["clip", "subject"]:
        raise DataError(f"{path}, line 1: the header must be clip,subject.")
    subjects: dict[str, str] = {}
    for line, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{path}, line {line}: not a clip and a subject.")
        if cells[0] in subjects:
            raise DataError(f"{path}, line {line}: clip {cells[0]} is listed a second time.")
        subjects[cells[0]] = cells[1]
    return subjects


def subject_of(name: str, default: str, subjects: Mapping[str, str] | None) -> str:
    """The subject of the clip `name`: as listed, or `default` where there is no list.

    Raises:
        DataError: there is a list, without this clip.
    """
    if subjects is None:
        return default
    if name not in subjects:
        raise DataError(f"Clip {name} is not in the list of subjects.")
    return subjects[name]
