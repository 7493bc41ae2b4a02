"""Files as pieces: boxes, elements, chunks, packets, with their headers and boundaries.

Written to be read by mutations and not by players: a walker stops quietly where a file makes no
sense to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from torture.corpus.nested import Piece, asf, big_endian, boxes, elements, riff

_ENOUGH_STARTCODES: Final = 8


def pieces(data: bytes) -> list[Piece]:
    """The pieces of a file, outer before inner, in their order; some 64 stretches if unknown."""
    for recognised, walk in _WALKERS:
        if recognised(data):
            return list(walk(data))
    found = list(_startcodes(data))
    return (
        found if len(found) >= _ENOUGH_STARTCODES else list(_every(data, max(64, len(data) // 64)))
    )


def _flv(data: bytes) -> Iterator[Piece]:
    """Tags of 11 bytes and a body, each followed by its length."""
    start = 13
    while start + 11 <= len(data):
        until = start + 11 + big_endian(data, start + 1, 3)
        if until + 4 > len(data):
            return
        yield Piece(f"tag{data[start]}", start, start + 11, until + 4, start + 1, 3)
        start = until + 4


def _ogg(data: bytes) -> Iterator[Piece]:
    """Pages (RFC 3533, section 6)."""
    start = 0
    while start + 27 <= len(data) and data[start : start + 4] == b"OggS":
        body = start + 27 + data[start + 26]
        until = body + sum(data[start + 27 : body])
        yield Piece("page", start, body, min(until, len(data)), start + 26, 1)
        start = until


def _png(data: bytes) -> Iterator[Piece]:
    """Chunks of a length, four letters, a body and a checksum."""
    start = 8
    while start + 12 <= len(data):
        until = start + 12 + big_endian(data, start, 4)
        if until > len(data):
            return
        name = data[start + 4 : start + 8].decode("latin-1")
        yield Piece(name, start, start + 8, until, start, 4)
        start = until


def _ivf(data: bytes) -> Iterator[Piece]:
    """Frames of a length and a timestamp, after a header of 32 bytes."""
    yield Piece("header", 0, 8, 32)
    start = 32
    while start + 12 <= len(data):
        until = start + 12 + int.from_bytes(data[start : start + 4], "little")
        yield Piece("frame", start, start + 12, min(until, len(data)), start, 4, "little")
        start = until


def _transport_packets(data: bytes) -> Iterator[Piece]:
    for start in range(0, len(data) - 187, 188):
        # Byte 4 is the adaptation field's length, where there is one.
        yield Piece("packet", start, start + 4, start + 188, start + 4, 1)


def _keys(data: bytes) -> Iterator[Piece]:
    """SMPTE 336M: a key of 16 bytes, a length, a value."""
    start = 0
    while start + 17 <= len(data):
        first = data[start + 16]
        width = 1 + (first & 0x7F if first & 0x80 else 0)
        body = start + 16 + width
        until = body + (big_endian(data, start + 17, width - 1) if width > 1 else first)
        if until > len(data):
            return
        name = data[start + 12 : start + 16].hex()
        yield Piece(name, start, body, until, start + 17, max(1, width - 1))
        start = until


def _startcodes(data: bytes) -> Iterator[Piece]:
    """MPEG's: from one 00 00 01 to the next."""
    starts = []
    found = data.find(b"\0\0\1")
    while found >= 0:
        starts.append(found)
        found = data.find(b"\0\0\1", found + 3)
    for start, until in pairwise([*starts, len(data)]):
        yield Piece(f"{data[start + 3 : start + 4].hex()}", start, min(start + 4, until), until)


def _every(data: bytes, width: int) -> Iterator[Piece]:
    for start in range(0, len(data), width):
        yield Piece("stretch", start, start, min(start + width, len(data)))


def _begins(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(magic)


_WALKERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Iterator[Piece]]], ...]] = (
    (lambda data: data[4:8] in {b"ftyp", b"moov", b"wide", b"jP  "}, boxes),
    (_begins(b"\x1a\x45\xdf\xa3"), elements),
    (_begins(b"RIFF"), riff),
    (_begins(b"\x30\x26\xb2\x75"), asf),
    (_begins(b"FLV"), _flv),
    (_begins(b"OggS"), _ogg),
    (_begins(b"\x89PNG"), _png),
    (_begins(b"DKIF"), _ivf),
    (_begins(b"\x06\x0e\x2b\x34"), _keys),
    (lambda data: data[:1] == b"G" and data[188:189] == b"G", _transport_packets),
)
