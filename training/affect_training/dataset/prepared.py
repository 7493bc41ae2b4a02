"""A prepared set as training reads it: tracks in time order, and their crops."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from affect_core.checkpoint import sha256_of
from affect_core.types import Image
from affect_training.dataset.info import INDEX_FILE, SHARDS_FOLDER, PreparedInfo, read_info
from affect_training.dataset.record import check_tar, read_record, read_rows
from affect_training.dataset.shards import read_crop
from affect_training.errors import DataError
from affect_training.ratings.types import Floats, Split

_MAX_OPEN: Final = 64
"""File descriptors that one process keeps; a process may have 1024 by default."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackRef:
    """One track of one clip, in time order; arrays have shape (crops,).

    `sample` int64: which samples; a gap is a sample without this face. `time_s` float64: seconds.
    `arousal`, `valence` float64: gold standard in [-1, 1], both NaN where unrated. `offset`,
    `size` int64: where the JPEGs' bytes are in `shard`.
    """

    clip: str
    subject: str
    track: int
    shard: str
    sample: NDArray[np.int64]
    time_s: Floats
    arousal: Floats
    valence: Floats
    offset: NDArray[np.int64]
    size: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.sample)
        for name in ("time_s", "arousal", "valence", "offset", "size"):
            if getattr(self, name).shape != (count,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not ({count},)")
        if count == 0 or (np.diff(self.sample) <= 0).any():
            raise ValueError(f"samples of track {self.track} of {self.clip} do not increase")

    def __len__(self) -> int:
        return len(self.sample)


@dataclass(eq=False)
class PreparedSet:
    """A prepared set. It may be sent to other processes; each opens the shards it reads.

    `index` has a row for every sample of every clip, with the columns of `dataset.index.COLUMNS`.
    """

    folder: Path
    info: PreparedInfo
    index: pd.DataFrame
    _descriptors: dict[str, int] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_descriptors": {}}

    @cached_property
    def index_sha256(self) -> str:
        """The SHA-256 of the index, in hex: what the set holds, wherever it lies."""
        return sha256_of(self.folder / INDEX_FILE)

    def close(self) -> None:
        """Close the shards that this process has open."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def __del__(self) -> None:
        self.close()

    def tracks(self, split: Split) -> list[TrackRef]:
        """Every track of a split, by clip and track."""
        rows = self.index[(self.index["split"] == split) & self.index["track"].notna()]
        columns = {
            "sample": np.asarray(rows["sample"], dtype=np.int64),
            "time_s": np.asarray(rows["time_s"], dtype=np.float64),
            "arousal": np.asarray(rows["arousal"], dtype=np.float64),
            "valence": np.asarray(rows["valence"], dtype=np.float64),
            "offset": np.asarray(rows["offset"], dtype=np.int64),
            "size": np.asarray(rows["size"], dtype=np.int64),
        }
        subject, shard = rows["subject"].to_numpy(), rows["shard"].to_numpy()
        groups = rows.groupby(["clip", "track"], sort=False).indices
        return [
            TrackRef(
                clip=str(clip),
                subject=str(subject[places[0]]),
                track=int(track),
                shard=str(shard[places[0]]),
                **{name: values[places] for name, values in columns.items()},
            )
            for (clip, track), places in sorted(groups.items())
        ]

    def read_crops(self, ref: TrackRef, start: int, stop: int) -> Image:
        """Crops `start` to `stop` (excluded) of a track: uint8 (n, S, S, 3), RGB.

        Raises:
            DataError: the shard is missing or corrupt; names it and the crop.
        """
        if not 0 <= start < stop <= len(ref):
            raise ValueError(f"crops {start} to {stop} of a track of {len(ref)}")
        size = self.info.preprocess.crop_size
        crops = np.empty((stop - start, size, size, 3), np.uint8)
        descriptor = self._descriptor(ref.shard)
        path = str(self._path(ref.shard))
        for place in range(start, stop):
            sample, offset = int(ref.sample[place]), int(ref.offset[place])
            crop = read_crop(descriptor, path, sample, offset, int(ref.size[place]))
            if crop.shape != crops.shape[1:]:
                raise DataError(
                    f"Shard {path} holds a crop of shape {crop.shape} at byte {offset}, not of "
                    f"{size} pixels. Prepare the clips again into a new folder."
                )
            crops[place - start] = crop
        return crops

    def verify(self) -> None:
        """Compare every shard that the index points into with the digest taken when written.

        Raises:
            DataError: one is missing or corrupt; names it.
        """
        for shard in sorted(self.index["shard"].dropna().unique()):
            path = self._path(str(shard))
            check_tar(path, read_record(path.with_suffix(".parquet")))
            read_rows(path.with_suffix(".parquet"))

    def _path(self, shard: str) -> Path:
        return self.folder / SHARDS_FOLDER / shard

    def _descriptor(self, shard: str) -> int:
        descriptor = self._descriptors.get(shard)
        if descriptor is None:
            while len(self._descriptors) >= _MAX_OPEN:
                os.close(self._descriptors.pop(next(iter(self._descriptors))))
            try:
                descriptor = os.open(self._path(shard), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise DataError(
                    f"Shard {self._path(shard)} cannot be opened: {error.strerror}. Run "
                    "affect-train prepare again with the same settings."
                ) from error
            self._descriptors[shard] = descriptor
        return descriptor


def open_prepared(folder: Path) -> PreparedSet:
    """Open what `affect-train prepare` made in `folder`.

    Raises:
        DataError: it is no prepared set, or not finished, or damaged.
    """
    info = read_info(folder)
    path = folder / INDEX_FILE
    try:
        index = pq.read_table(path, page_checksum_verification=True).to_pandas()
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} is not finished: {path} is missing. Run affect-train prepare again with the "
            "same settings; finished shards are kept."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is damaged; run affect-train prepare again.") from error
    return PreparedSet(folder, info, index)
