"""Files of pieces within pieces, taken apart."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Order = Literal["big", "little", "varint"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file with a header of its own.

    Args:
        path: of names from the outermost piece, as `moov.trak.tkhd`.
        start: of the header.
        body: where the header ends.
        end: where the body ends.
        size_at: where the header states a size, None where it does not.
        size_width: bytes of that statement.
        order: of those bytes.
        leaf: whether it holds values and no pieces.
    """

    path: str
    start: int
    body: int
    end: int
    size_at: int | None = None
    size_width: int = 0
    order: Order = "big"
    leaf: bool = True

    @property
    def parent(self) -> str:
        """The path of the piece around it; empty for the file."""
        return self.path.rpartition(".")[0]


_SAMPLE_ENTRIES: Final = frozenset(b"avc1 hev1 hvc1 av01 vp08 vp09 mp4v s263 jpeg rle".split())
_HOLDING_BOXES: Final = _SAMPLE_ENTRIES.union(
    b"moov trak mdia minf stbl edts dinf mvex moof traf mfra udta meta ilst stsd dref".split()
)
_BEFORE_CHILDREN: Final = {b"meta": 4, b"stsd": 8, b"dref": 8, **dict.fromkeys(_SAMPLE_ENTRIES, 78)}


def boxes(data: bytes, start: int = 0, end: int | None = None, path: str = "") -> Iterator[Piece]:
    """ISO/IEC 14496-12, 4.2."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack(">I4s", data[start : start + 8])
        body, size_at, width = start + 8, start, 4
        if size == 1 and start + 16 <= end:
            size, body, size_at, width = big_endian(data, start + 8, 8), start + 16, start + 8, 8
        until = start + size
        if until < body or until > end:
            return
        holds = name in _HOLDING_BOXES
        own = _joined(path, name)
        yield Piece(own, start, body, until, size_at, width, leaf=not holds)
        if holds:
            yield from boxes(data, body + _BEFORE_CHILDREN.get(name, 0), until, own)
        start = until


_HOLDING_ELEMENTS: Final = {
    0x1A45DFA3: "EBML",
    0x18538067: "Segment",
    0x114D9B74: "SeekHead",
    0x4DBB: "Seek",
    0x1549A966: "Info",
    0x1654AE6B: "Tracks",
    0xAE: "TrackEntry",
    0xE0: "Video",
    0x55B0: "Colour",
    0x1F43B675: "Cluster",
    0xA0: "BlockGroup",
    0x1C53BB6B: "Cues",
    0xBB: "CuePoint",
    0xB7: "CueTrackPositions",
    0x1254C367: "Tags",
    0x7373: "Tag",
    0x67C8: "SimpleTag",
}


def elements(
    data: bytes, start: int = 0, end: int | None = None, path: str = ""
) -> Iterator[Piece]:
    """RFC 8794, sections 4 to 6."""
    end = len(data) if end is None else end
    while start < end:
        id_width = _varint_width(data[start])
        size_at = start + id_width
        if size_at >= end:
            return
        width = _varint_width(data[size_at])
        body = size_at + width
        size = big_endian(data, size_at, width) & ((1 << 7 * width) - 1)
        until = body + size
        if until > end:
            return
        number = big_endian(data, start, id_width)
        name = _HOLDING_ELEMENTS.get(number)
        own = _joined(path, (name or f"{number:x}").encode())
        yield Piece(own, start, body, until, size_at, width, "varint", leaf=name is None)
        if name is not None:
            yield from elements(data, body, until, own)
        start = until


def riff(data: bytes, start: int = 0, end: int | None = None, path: str = "") -> Iterator[Piece]:
    """Microsoft's RIFF: four letters, a size, a body padded to an even length."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        name, size = struct.unpack("<4sI", data[start : start + 8])
        until = start + 8 + size
        if until > end:
            return
        holds = name in {b"RIFF", b"LIST"}
        own = _joined(path, data[start + 8 : start + 12] if holds else name)
        body = start + (12 if holds else 8)
        yield Piece(own, start, body, until, start + 4, 4, "little", leaf=not holds)
        if holds:
            yield from riff(data, body, until, own)
        start = until + size % 2


def asf(data: bytes, start: int = 0, end: int | None = None, path: str = "") -> Iterator[Piece]:
    """Advanced Systems Format: objects of a GUID and a size; the first holds others."""
    end = len(data) if end is None else end
    while start + 24 <= end:
        until = start + int.from_bytes(data[start + 16 : start + 24], "little")
        if not start + 24 <= until <= end:
            return
        holds = start == 0
        own = _joined(path, data[start : start + 4].hex().encode())
        body = start + (30 if holds else 24)
        yield Piece(own, start, body, until, start + 16, 8, "little", leaf=not holds)
        if holds:
            yield from asf(data, body, until, own)
        start = until


def big_endian(data: bytes, at: int, width: int) -> int:
    """The number at a place."""
    return int.from_bytes(data[at : at + width], "big")


def _joined(path: str, name: bytes) -> str:
    own = name.decode("latin-1").strip()
    return f"{path}.{own}" if path else own


def _varint_width(first: int) -> int:
    """The zeros before the first one of an EBML number tell its width."""
    return 9 - max(1, first.bit_length())
