"""A few kB that declare, or are decoded to, more than a machine has."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from torture.corpus.images import apng, gif, h264_stating, jpeg_stating, packed_zeros, png
from torture.corpus.mutations import Named, base, taken_apart
from torture.corpus.muxes import (
    avi,
    box,
    cluster,
    element,
    full_box,
    matroska,
    number,
    simple_block,
    track,
    with_box,
)
from torture.corpus.written import picture, written

Size = tuple[int, int]

_TABLES: Final = "moov.trak.mdia.minf.stbl."
_LARGEST: Final = (8192, 4320)
"""The largest frame that is not refused."""
_MIB: Final = 1 << 20
_YUV: Final = b"YUV4MPEG2 W%d H%d F25:1 C420\nFRAME\n"


def bombs(chance: Random) -> Iterator[Named]:
    """Each of them once."""
    names = list(BOMBS)
    for name in chance.sample(names, len(names)):
        yield name, BOMBS[name]()


def _in_avi(fourcc: bytes, frame: bytes, size: Size = (64, 48)) -> bytes:
    return avi(fourcc, size, [frame] * 25)


def _in_matroska(codec: str, frame: bytes, size: Size = (64, 48)) -> bytes:
    blocks = [simple_block(40 * k, frame) for k in range(25)]
    return matroska(codec, size, [cluster(0, *blocks)])


def _vp8_stating(width: int, height: int) -> bytes:
    """Key frames that state another size (RFC 6386, 9.1)."""
    data = bytearray(base("ivf", "libvpx"))
    for piece in taken_apart("ivf", "libvpx"):
        if piece.path == "frame" and data[piece.body + 3 : piece.body + 6] == b"\x9d\x01\x2a":
            struct.pack_into("<HH", data, piece.body + 6, width, height)
    return bytes(data)


def _packed_track(mebibytes: int, frames: int) -> bytes:
    """Blocks that a Matroska reader inflates before any decoder sees them."""
    packing = element(0x6D80, element(0x6240, element(0x5034, number(0x4254, 0))))
    frame = packed_zeros(mebibytes * _MIB)
    blocks = [simple_block(40 * k, frame) for k in range(frames)]
    return matroska("V_MJPEG", (64, 48), [cluster(0, *blocks)], in_track=packing)


def _packed_index(stated: int, mebibytes: int) -> bytes:
    """A QuickTime file whose index is packed: it states one size and is inflated to another."""
    packed = struct.pack(">I", stated) + packed_zeros(mebibytes * _MIB)
    index = box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", packed)))
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + index + box(b"mdat")


def _tables(data: bytes, *tables: bytes) -> bytes:
    for table in tables:
        data = with_box(data, _TABLES + table[4:8].decode(), table)
    return data


def _stating_frames(count: int, size: int) -> bytes:
    """An MP4 that states so many frames in tables of one line each."""
    return _tables(
        base("mp4", "libx264"),
        full_box(b"stts", 1, count, 1),
        full_box(b"stsz", size, count),
        full_box(b"stsc", 1, 1, count, 1),
        full_box(b"ctts", 1, count, 0),
    )


def _one_frame_often(copies: int) -> bytes:
    """An MP4 of many frames that are all the same bytes of the file."""
    source = base("mp4", "mpeg4")
    at = source.index(b"mdat") + 4
    return _tables(
        source,
        full_box(b"stts", 1, copies, 512),
        full_box(b"stsz", 1000, copies),
        full_box(b"stsc", 1, 1, 1, 1),
        full_box(b"stco", copies, *[at] * copies),
    )


def _many_tracks(count: int) -> bytes:
    """Tracks with a decoder each."""
    more = b"".join(track(k, "V_MPEG4/ISO/AVC", (64, 48)) for k in range(2, count))
    blocks = [simple_block(40 * k, picture(64, 48)) for k in range(25)]
    return matroska("V_MJPEG", (64, 48), [cluster(0, *blocks)], tracks=more)


def _deep(levels: int) -> bytes:
    """Boxes in boxes."""
    inner = b""
    for _ in range(levels):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"isom\0\0\0\0isom") + inner


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "png-states-900-megapixels": lambda: png(30_000, 30_000, rows=1),
    "png-of-400-megapixels": lambda: png(20_000, 20_000, colour=0, depth=1),
    "png-of-64-bits-largest": lambda: png(*_LARGEST, depth=16, colour=6),
    "gif-states-4-gigapixels": lambda: gif(65_535, 65_535, 10),
    "gif-5000-frames-largest": lambda: gif(*_LARGEST, 5000),
    "gif-5000-frames-of-4-megapixels": lambda: gif(2048, 2048, 5000),
    "apng-500-frames-largest": lambda: apng(*_LARGEST, 500),
    "avi-jpeg-states-4-gigapixels": lambda: _in_avi(b"MJPG", jpeg_stating(65_500, 65_500)),
    "avi-jpeg-largest": lambda: _in_avi(b"MJPG", jpeg_stating(*_LARGEST)),
    "avi-png-of-400-megapixels": lambda: _in_avi(b"MPNG", png(20_000, 20_000, colour=0, depth=1)),
    "avi-png-of-64-bits-largest": lambda: _in_avi(b"MPNG", png(*_LARGEST, depth=16, colour=6)),
    "avi-raw-states-most": lambda: avi(b"\0\0\0\0", (-1, -1), [bytes(64)] * 25),
    "avi-h264-states-268-megapixels": lambda: _in_avi(b"H264", h264_stating(16_368, 16_368)),
    "avi-h264-states-largest": lambda: _in_avi(b"H264", h264_stating(8192, 4320 // 16 * 16)),
    "matroska-jpeg-states-4-gigapixels": lambda: _in_matroska(
        "V_MJPEG", jpeg_stating(65_500, 65_500)
    ),
    "matroska-states-largest": lambda: _in_matroska("V_MJPEG", picture(64, 48), _LARGEST),
    "matroska-packed-8-MiB-a-frame": lambda: _packed_track(8, 100),
    "matroska-packed-64-MiB-a-frame": lambda: _packed_track(64, 4),
    "matroska-2000-tracks": lambda: _many_tracks(2000),
    "yuv4mpeg-states-10-gigapixels": lambda: _YUV % (99_999, 99_999) + bytes(999),
    "yuv4mpeg-states-largest": lambda: _YUV % _LARGEST + bytes(999),
    "vp8-states-268-megapixels": lambda: _vp8_stating(16_383, 16_383),
    "vp8-states-largest": lambda: _vp8_stating(*_LARGEST),
    "mov-packed-index-states-2-GiB": lambda: _packed_index(0x7FFFFFFF, 1),
    "mov-packed-index-of-1-GiB": lambda: _packed_index(1 << 30, 1 << 10),
    "mp4-states-100-million-frames": lambda: _stating_frames(100_000_000, 0),
    "mp4-states-170-million-frames": lambda: _stating_frames(170_000_000, 1),
    "mp4-states-most-frames": lambda: _stating_frames(0xFFFFFFFF, 0),
    "mp4-one-frame-50000-times": lambda: _one_frame_often(50_000),
    "mp4-h264-largest": lambda: written("mp4", "libx264", _LARGEST, 2),
    "mp4-boxes-10000-deep": lambda: _deep(10_000),
}
"""By name. Those named `largest` lie within the service's limits."""
