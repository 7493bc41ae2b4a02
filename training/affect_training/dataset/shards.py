"""Shards: crops in WebDataset tars, read by the place of their bytes.

A sample is two members, `<key>.jpg` and `<key>.json`. The same samples give the same bytes:
members carry no time and no owner. Ratings are not in the shards but in the index, so that
other ratings need no new crops.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from typing import BinaryIO, Final

import cv2
import numpy as np

from affect_core.types import Image
from affect_training.errors import DataError

JPEG_QUALITY: Final = 95

_BLOCK: Final = 512
"""Bytes of a tar header; contents are padded to a multiple of it (POSIX.1-1988, ustar)."""


def encode_jpeg(pixels: Image) -> bytes:
    """RGB uint8 (S, S, 3) as JPEG without colour subsampling."""
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), settings)
    return encoded.tobytes()


class ShardWriter:
    """Writes a tar front to back and tells where each JPEG's bytes are.

    Args:
        file: empty, open for writing; stays the caller's to close.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, key: str, jpeg: bytes, described: Mapping[str, object]) -> int:
        """Append a sample; the offset in bytes at which its JPEG begins."""
        offset = self._member(f"{key}.jpg", jpeg)
        self._member(f"{key}.json", json.dumps(described, separators=(",", ":")).encode())
        return offset

    def mark(self) -> int:
        """A place that `rewind` goes back to."""
        return self._file.tell()

    def rewind(self, mark: int) -> None:
        """Take back everything added since `mark`."""
        self._file.seek(mark)
        self._file.truncate()

    def finish(self) -> None:
        """Write the end of the archive: two blocks of zeros."""
        self._file.write(bytes(2 * _BLOCK))

    def _member(self, name: str, content: bytes) -> int:
        header = tarfile.TarInfo(name)
        header.size = len(content)
        self._file.write(header.tobuf(tarfile.USTAR_FORMAT))
        offset = self._file.tell()
        self._file.write(content)
        self._file.write(bytes(-len(content) % _BLOCK))
        return offset


def crop_key(ordinal: int, sample: int) -> str:
    """The WebDataset key of a clip's sample; unique in the set, sorted as the index is."""
    return f"{ordinal:06d}-{sample:06d}"


def read_crop(descriptor: int, shard: str, sample: int, offset: int, size: int) -> Image:
    """The crop at `offset` of an open shard: RGB uint8 (S, S, 3).

    Args:
        descriptor: of the shard's file; its position is neither used nor changed.
        shard: its name, for messages.
        sample: the crop's, which must stand in its member's name.
        offset: bytes, as the index has it.
        size: bytes of the JPEG.

    Raises:
        DataError: the bytes there are not this crop.
    """
    # The header is read too: a shard that was cut or rewritten may hold another JPEG there.
    block = os.pread(descriptor, _BLOCK + size, offset - _BLOCK)
    try:
        header = tarfile.TarInfo.frombuf(block[:_BLOCK], "utf-8", "strict")
    except tarfile.HeaderError as error:
        raise _corrupt(shard, sample, offset) from error
    encoded = np.frombuffer(block, np.uint8, offset=_BLOCK)
    if (
        not header.name.endswith(f"-{sample:06d}.jpg")
        or header.size != size
        or len(encoded) != size
    ):
        raise _corrupt(shard, sample, offset)
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _corrupt(shard, sample, offset) from error
    if pixels is None:
        raise _corrupt(shard, sample, offset)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _corrupt(shard: str, sample: int, offset: int) -> DataError:
    return DataError(
        f"Shard {shard} is corrupt: sample {sample} is not at byte {offset}. Run affect-train "
        "prepare again with the same settings: it makes damaged shards anew and keeps the others."
    )
