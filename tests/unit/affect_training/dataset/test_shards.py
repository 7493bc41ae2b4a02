from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from affect_training.dataset.shards import ShardWriter, crop_key, encode_jpeg, read_crop
from affect_training.errors import DataError
from clips import Image


def picture(size: int = 64, shift: int = 0) -> Image:
    face = skimage.data.astronaut()[0:256, 96:352]
    return np.roll(cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA), shift, axis=1)


def written(path: Path, count: int = 3) -> list[tuple[int, int]]:
    """Offsets and sizes of so many samples."""
    places = []
    with path.open("wb") as file:
        writer = ShardWriter(file)
        for n in range(count):
            jpeg = encode_jpeg(picture(shift=9 * n))
            places.append((writer.add(crop_key(7, n), jpeg, {"sample": n}), len(jpeg)))
        writer.finish()
    return places


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    written(tmp_path / "s.tar")
    opened = os.open(tmp_path / "s.tar", os.O_RDONLY)
    yield opened
    os.close(opened)


def test_a_shard_is_a_tar_with_an_image_and_a_json_for_each_key(tmp_path: Path) -> None:
    places = written(tmp_path / "s.tar")
    with tarfile.open(tmp_path / "s.tar") as tar:
        members = tar.getmembers()
        assert [m.name for m in members] == [
            f"000007-00000{n}.{kind}" for n in range(3) for kind in ("jpg", "json")
        ]
        assert [(m.offset_data, m.size) for m in members[::2]] == places
        described = tar.extractfile(members[3])
        assert described is not None
        assert json.load(described) == {"sample": 1}


def test_crops_come_back_by_their_offsets(tmp_path: Path, descriptor: int) -> None:
    for n, (offset, size) in reversed(list(enumerate(written(tmp_path / "again.tar")))):
        crop = read_crop(descriptor, "s.tar", n, offset, size)
        assert crop.dtype == np.uint8
        assert crop.shape == (64, 64, 3)
        error = crop.astype(float) - picture(shift=9 * n)
        assert np.sqrt((error**2).mean()) < 2.5
        # Colours in their order: swapped ones are far off.
        assert np.sqrt(((crop[:, :, ::-1] - picture(shift=9 * n).astype(float)) ** 2).mean()) > 20


def test_colour_is_not_subsampled() -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(stripes), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.abs(decoded[:, :, ::-1].astype(int) - stripes).mean() < 12


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    written(tmp_path / "a.tar")
    written(tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_what_is_taken_back_leaves_no_trace() -> None:
    plain, mended = io.BytesIO(), io.BytesIO()
    for file, detour in ((plain, False), (mended, True)):
        writer = ShardWriter(file)
        writer.add("000000-000000", b"first", {})
        if detour:
            mark = writer.mark()
            writer.add("000001-000000", bytes(10_000), {"long": "x" * 600})
            writer.rewind(mark)
        writer.add("000002-000000", b"second", {})
        writer.finish()
    assert plain.getvalue() == mended.getvalue()


@pytest.mark.parametrize("damage", ["name", "size", "cut", "jpeg", "zeros", "header"])
def test_a_corrupt_shard_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.tar"
    offset, size = written(path)[1]
    data = bytearray(path.read_bytes())
    sample = 1
    if damage == "name":
        sample = 2
    elif damage == "size":
        size += 1
    elif damage == "cut":
        data = data[: offset + size - 1]
    elif damage == "jpeg":
        data[offset : offset + size] = b"\xff" * size
    elif damage == "zeros":
        data[offset - 512 : offset + size] = bytes(512 + size)
    else:
        data[offset - 400] ^= 0x55
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(DataError, match=f"Shard s.tar is corrupt: sample {sample}.*{offset}"):
            read_crop(descriptor, "s.tar", sample, offset, size)
    finally:
        os.close(descriptor)
