"""Shards as values: what to make one of, and the record that a made one carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from affect_core.checkpoint import sha256_of
from affect_core.spec import PreprocessSpec
from affect_training.dataset.info import SHARDS_FOLDER
from affect_training.errors import DataError

_RECORD_KEY: Final = b"affectline"

SCHEMA: Final = pa.schema(
    [
        ("clip", pa.string()),
        ("sample", pa.int64()),
        ("time_s", pa.float64()),
        ("track", pa.int64()),
        ("score", pa.float64()),
        ("box_x", pa.float64()),
        ("box_y", pa.float64()),
        ("box_width", pa.float64()),
        ("box_height", pa.float64()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
    ]
)
"""A row for every sample; from `track` on null where no face was found."""


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip to prepare: its place in the manifest, its name there, and its file."""

    ordinal: int
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class ShardJob:
    """A shard to make: its number, its clips, and how. Crosses into a worker process."""

    folder: Path
    number: int
    clips: tuple[ClipFile, ...]
    preprocess: PreprocessSpec
    versions: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The tar's file name."""
        return f"shard-{self.number:06d}.tar"

    @property
    def tar(self) -> Path:
        """The tar's path."""
        return self.folder / SHARDS_FOLDER / self.name

    @property
    def parquet(self) -> Path:
        """The path of its rows and record."""
        return self.tar.with_suffix(".parquet")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClipOutcome(_Record):
    """What became of one clip; a dropped one has a code and a reason.

    `sha256` is None where the file cannot be read. `duration_s` is in seconds.
    """

    name: str
    sha256: str | None
    duration_s: float | None = None
    truncated: bool = False
    dropped_code: str | None = None
    dropped_reason: str | None = None


class ShardRecord(_Record):
    """What a shard was made of, and the tar that came of it."""

    fingerprint: str
    tar_bytes: int
    tar_sha256: str
    clips: tuple[ClipOutcome, ...]


def read_record(parquet: Path) -> ShardRecord:
    """The record of a finished shard.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        metadata = pq.read_schema(parquet).metadata or {}
        return ShardRecord.model_validate_json(metadata.get(_RECORD_KEY, b""))
    except (OSError, pa.ArrowException, ValidationError) as error:
        raise _damaged(parquet) from error


def write_rows(file: BinaryIO, rows: list[dict[str, object]], record: ShardRecord) -> None:
    """Write a shard's rows, and its record with them, so that damage is seen."""
    table = pa.Table.from_pylist(
        rows, SCHEMA.with_metadata({_RECORD_KEY: record.model_dump_json()})
    )
    pq.write_table(table, file, write_page_checksum=True)


def read_rows(parquet: Path) -> pa.Table:
    """The rows of a finished shard, `SCHEMA`.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        table = pq.read_table(parquet, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(parquet) from error
    return table.replace_schema_metadata(None)


def check_tar(tar: Path, record: ShardRecord) -> None:
    """Compare a tar with its record.

    Raises:
        DataError: it is missing, or its bytes are others.
    """
    try:
        same = tar.stat().st_size == record.tar_bytes and sha256_of(tar) == record.tar_sha256
    except OSError as error:
        raise DataError(
            f"Shard {tar} cannot be read ({error.strerror}). Run affect-train prepare again with "
            "the same settings."
        ) from error
    if not same:
        raise DataError(
            f"Shard {tar} is corrupt: its bytes are not those that were written. Run affect-train "
            "prepare again with the same settings: it makes damaged shards anew."
        )


def _damaged(parquet: Path) -> DataError:
    return DataError(
        f"{parquet} is missing or damaged. Run affect-train prepare again with the same settings: "
        "it makes damaged shards anew."
    )
