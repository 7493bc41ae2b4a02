"""The corpus is what it says: the same every time, whole in its beginning, truly broken."""

from __future__ import annotations

import hashlib
import io
from itertools import islice

import av
import pytest

from torture.corpus import FAMILIES, some, specimens
from torture.corpus.images import apng, gif, packed_zeros, png
from torture.corpus.mutations import BASES, base, taken_apart
from torture.corpus.written import written


def digest(seed: int) -> str:
    sums = hashlib.sha256()
    for specimen in some(130, seed):
        sums.update(f"{specimen.family} {specimen.name}".encode() + specimen.data)
    return sums.hexdigest()


def test_a_seed_gives_the_same_clips_and_another_gives_others() -> None:
    assert digest(1) == digest(1) != digest(2)


def test_every_family_is_in_every_beginning() -> None:
    begin = list(some(2 * len(FAMILIES)))
    assert [specimen.family for specimen in begin] == 2 * list(FAMILIES)


def test_there_is_no_end() -> None:
    (last,) = islice(specimens(families=("bombs", "truncated", "flipped")), 5000, 5001)
    assert last.data


@pytest.mark.parametrize("key", BASES, ids="-".join)
def test_what_is_taken_apart_covers_the_file(key: tuple[str, str, str]) -> None:
    found = taken_apart(*key)
    assert len(found) >= 4
    assert len(base(*key)) - max(piece.end for piece in found) < 200
    for piece in found:
        assert 0 <= piece.start <= piece.body <= piece.end <= len(base(*key)), piece


def test_the_names_of_an_mp4s_boxes() -> None:
    paths = {piece.path for piece in taken_apart("mp4", "libx264", "")}
    assert {"moov.mvhd", "moov.trak.mdia.minf.stbl.stsd.avc1.avcC"} <= paths
    assert "Segment.Cluster.a3" in {p.path for p in taken_apart("matroska", "libx264", "")}


def test_time_bases_of_zero_are_among_the_lies() -> None:
    piece = next(p for p in taken_apart("mp4", "libx264", "") if p.path.endswith("mdhd"))
    lie = f"mp4-libx264/{piece.path}#"
    wanted = f"+{12}=00000000"
    (found,) = (
        s.data
        for s in islice(specimens(families=("lying values",)), 20_000)
        if s.name.startswith(lie) and s.name.endswith(wanted)
    )
    good = base("mp4", "libx264", "")
    assert found[piece.body + 12 : piece.body + 16] == bytes(4)
    assert good[piece.body + 12 : piece.body + 16] != bytes(4)
    assert len(found) == len(good)


def test_written_clips_are_good_ones() -> None:
    for container, codec, _ in BASES:
        with av.open(io.BytesIO(written(container, codec)), mode="r") as opened:
            frames = len(list(opened.decode(opened.streams.video[0])))
        assert frames >= 24, (container, codec)


def test_bombs_are_what_they_are_called() -> None:
    for data, frames in ((png(300, 200), 1), (gif(300, 200, 7), 7), (apng(300, 200, 7), 7)):
        with av.open(io.BytesIO(data), mode="r") as opened:
            sizes = [(f.width, f.height) for f in opened.decode(opened.streams.video[0])]
        assert sizes == [(300, 200)] * frames


def test_packed_zeros_are_zeros() -> None:
    import zlib

    count = (3 << 20) + 5
    packed = packed_zeros(count)
    assert zlib.decompress(packed) == bytes(count)
    assert len(packed) < 5000
