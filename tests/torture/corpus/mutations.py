"""What can be done to any file once its pieces are known.

Each family is a generator of (name, bytes) that needs nothing but its own source of chance, and
begins with a mixture of all that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from random import Random
from typing import Final, Literal

from torture.corpus.nested import Piece
from torture.corpus.pieces import pieces
from torture.corpus.written import every_pair, written

Named = tuple[str, bytes]

BASES: Final[tuple[tuple[str, str, str], ...]] = (
    ("mp4", "libx264", ""),
    ("mp4", "libx264", "faststart"),
    ("mp4", "mpeg4", "frag_keyframe+empty_moov"),
    ("mp4", "libx265", ""),
    ("mp4", "libsvtav1", ""),
    ("mov", "qtrle", ""),
    ("3gp", "h263", ""),
    ("matroska", "libx264", ""),
    ("webm", "libvpx-vp9", ""),
    ("avi", "mpeg4", ""),
    ("avi", "mjpeg", ""),
    ("flv", "flv", ""),
    ("asf", "wmv2", ""),
    ("ogg", "libvpx", ""),
    ("mpegts", "mpeg2video", ""),
    ("mpeg", "mpeg1video", ""),
    ("apng", "apng", ""),
    ("gif", "gif", ""),
    ("ivf", "libvpx", ""),
    ("mxf", "mpeg2video", ""),
    ("nut", "ffv1", ""),
    ("rm", "rv10", ""),
    ("h264", "libx264", ""),
    ("yuv4mpegpipe", "wrapped_avframe", ""),
)
"""Container, codec and movflags of what is taken apart: every kind of structure once."""

_VALUES: Final = ("00000000", "ffffffff", "7fffffff", "80000000", "00000001", "7ff80000")
"""Zero, the ends of signed and unsigned numbers, one, and the first half of a NaN."""
_LARGEST_HEADER: Final = 600


@lru_cache
def base(container: str, codec: str, movflags: str = "") -> bytes:
    """The file of an entry of `BASES`."""
    return written(container, codec, **({"movflags": movflags} if movflags else {}))


@lru_cache
def taken_apart(container: str, codec: str, movflags: str = "") -> tuple[Piece, ...]:
    """Its pieces."""
    return tuple(pieces(base(container, codec, movflags)))


def every_written(chance: Random) -> Iterator[Named]:
    """Good clips, in every container and codec; no mutation, and so the control of all others."""
    for container, codec in chance.sample(every_pair(), len(every_pair())):
        with suppress(ValueError):
            yield f"{container}-{codec}", written(container, codec)


def truncated(chance: Random) -> Iterator[Named]:
    """Cut at every boundary of every piece, and in the middle of each."""
    cuts = [
        (key, cut)
        for key in BASES
        for cut in sorted(
            {
                at
                for piece in taken_apart(*key)
                for at in (piece.start, piece.body, (piece.body + piece.end) // 2, piece.end - 1)
            }
        )
    ]
    for key, cut in chance.sample(cuts, len(cuts)):
        yield f"{_name(key)}@{cut}", base(*key)[:cut]


def flipped(chance: Random) -> Iterator[Named]:
    """Bits turned over: few or many, anywhere or in headers. Never ends."""
    pairs = [*BASES, *((container, codec, "") for container, codec in every_pair())]
    while True:
        key = chance.choice(pairs)
        try:
            data = bytearray(base(*key))
        except ValueError:
            continue
        count = chance.choice((1, 1, 2, 8, 64))
        reach = chance.choice((len(data), len(data), min(512, len(data))))
        bits = [chance.randrange(8 * reach) for _ in range(count)]
        for bit in bits:
            data[bit // 8] ^= 1 << bit % 8
        yield f"{_name(key)}^{count}from{bits[0]}", bytes(data)


def rearranged(chance: Random) -> Iterator[Named]:
    """Pieces left out, doubled, swapped, put into themselves."""
    plan = [
        (key, number, change)
        for key in BASES
        for number in range(len(taken_apart(*key)))
        for change in ("without", "twice", "swapped", "nested")
    ]
    for key, number, change in chance.sample(plan, len(plan)):
        data, all_pieces = base(*key), taken_apart(*key)
        piece = all_pieces[number]
        before, own, after = (
            data[: piece.start],
            data[piece.start : piece.end],
            data[piece.end :],
        )
        if change == "without":
            made = before + after
        elif change == "twice":
            made = before + own + own + after
        elif change == "nested":
            made = data[: piece.body] + own + data[piece.body :]
        else:
            siblings = [p for p in all_pieces if p.parent == piece.parent and p.start >= piece.end]
            if not siblings:
                continue
            other = chance.choice(siblings)
            between = data[piece.end : other.start]
            made = before + data[other.start : other.end] + between + own + data[other.end :]
        yield f"{_name(key)}/{piece.path}#{number}-{change}", made


def lying_sizes(chance: Random) -> Iterator[Named]:
    """Every size that a header states: nothing, one less, one more, the largest there is."""
    plan = [
        (key, number, lie)
        for key in BASES
        for number, piece in enumerate(taken_apart(*key))
        if piece.size_at is not None
        for lie in ("none", "less", "more", "half", "most")
    ]
    for key, number, lie in chance.sample(plan, len(plan)):
        piece = taken_apart(*key)[number]
        assert piece.size_at is not None
        data = bytearray(base(*key))
        field = slice(piece.size_at, piece.size_at + piece.size_width)
        data[field] = _other_size(bytes(data[field]), piece, lie)
        yield f"{_name(key)}/{piece.path}#{number}-{lie}", bytes(data)


def lying_values(chance: Random) -> Iterator[Named]:
    """Every word of every header: durations, counts, time bases, sizes, offsets, matrices."""
    plan = [
        (key, number, offset, value)
        for key in BASES
        for number, piece in enumerate(taken_apart(*key))
        if piece.leaf and piece.end - piece.body <= _LARGEST_HEADER
        for offset in range(0, max(1, piece.end - piece.body), 4)
        for value in _VALUES
    ]
    for key, number, offset, value in chance.sample(plan, len(plan)):
        piece = taken_apart(*key)[number]
        data = bytearray(base(*key))
        at = piece.body + offset
        width = min(4 if piece.order != "varint" else 8, piece.end - at)
        word = bytes.fromhex(value)
        if piece.order == "little":
            word = word[::-1]
        if piece.order == "varint":
            word += word[-1:] * 4
        data[at : at + width] = word[:width]
        yield f"{_name(key)}/{piece.path}#{number}+{offset}={value}", bytes(data)


def _name(key: tuple[str, str, str]) -> str:
    return "-".join(filter(None, key))


def _other_size(stated: bytes, piece: Piece, lie: str) -> bytes:
    width = len(stated)
    order: Literal["little", "big"] = "little" if piece.order == "little" else "big"
    marker = 1 << 7 * width if piece.order == "varint" else 0
    most = (marker or 1 << 8 * width) - 1
    size = int.from_bytes(stated, order) & most
    lies = {"none": 0, "less": max(0, size - 1), "more": size + 1, "half": most // 2, "most": most}
    return (min(lies[lie], most) | marker).to_bytes(width, order)
