"""Small writers of Matroska, AVI and MP4 that put down whatever they are told."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from torture.corpus.nested import Piece
from torture.corpus.pieces import pieces

_EBML_HEADER: Final = bytes.fromhex("1a45dfa3 8b 4282 88") + b"matroska"
_UNKNOWN_SIZE: Final = b"\x01\xff\xff\xff\xff\xff\xff\xff"


def element(number: int, body: bytes) -> bytes:
    """An EBML element, its size in eight bytes."""
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + struct.pack(">Q", len(body) | 1 << 56) + body


def simple_block(time: int, frame: bytes, track: int = 1) -> bytes:
    """A SimpleBlock with a key frame; its time counts from its cluster's, -32768 to 32767."""
    return element(0xA3, bytes([0x80 | track]) + struct.pack(">hB", time, 0x80) + frame)


def number(name: int, value: int) -> bytes:
    """An element that holds an unsigned number."""
    return element(name, value.to_bytes(8, "big"))


def track(place: int, codec: str, size: tuple[int, int], more: bytes = b"") -> bytes:
    """A TrackEntry of video."""
    video = element(0xE0, number(0xB0, size[0]) + number(0xBA, size[1]))
    head = number(0xD7, place) + number(0x73C5, place) + number(0x83, 1)
    return element(0xAE, head + element(0x86, codec.encode()) + video + more)


def cluster(time: int, *blocks: bytes) -> bytes:
    """A Cluster; its time is taken modulo 2^64."""
    return element(0x1F43B675, number(0xE7, time % (1 << 64)) + b"".join(blocks))


def matroska(
    codec: str,
    size: tuple[int, int],
    clusters: Iterable[bytes],
    *,
    in_track: bytes = b"",
    tracks: bytes = b"",
    in_segment: bytes = b"",
    times_of: int = 1_000_000,
) -> bytes:
    """A file of one video track.

    Args:
        codec: Matroska's name of it, as `V_MJPEG`.
        size: of the frame, as the header states it.
        clusters: as of `cluster`.
        in_track: further elements of the track.
        tracks: further tracks, as of `track`.
        in_segment: further elements before the clusters.
        times_of: nanoseconds of a tick.
    """
    entries = element(0x1654AE6B, track(1, codec, size, in_track) + tracks)
    info = element(0x1549A966, number(0x2AD7B1, times_of))
    segment = bytes.fromhex("18538067") + _UNKNOWN_SIZE
    return _EBML_HEADER + segment + info + entries + in_segment + b"".join(clusters)


def chunk(name: bytes, body: bytes) -> bytes:
    """A RIFF chunk, padded."""
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def avi(fourcc: bytes, size: tuple[int, int], frames: Iterable[bytes], *, count: int = 25) -> bytes:
    """An AVI of one video stream without an index.

    Args:
        fourcc: of the codec.
        size: of the frame, as the headers state it.
        frames: their bytes.
        count: of frames, as the headers state it.
    """
    width, height = (side & 0xFFFFFFFF for side in size)
    main = struct.pack("<14I", 40000, 0, 0, 0, count, 0, 1, 0, width, height, 0, 0, 0, 0)
    of_stream = b"vids" + fourcc + struct.pack("<12I", 0, 0, 0, 1, 25, 0, count, 0, 0, 0, 0, 0)
    bitmap = struct.pack("<IIIHH4sIIIII", 40, width, height, 1, 24, fourcc, 0, 0, 0, 0, 0)
    stream = chunk(b"LIST", b"strl" + chunk(b"strh", of_stream) + chunk(b"strf", bitmap))
    headers = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + stream)
    movi = chunk(b"LIST", b"movi" + b"".join(chunk(b"00dc", frame) for frame in frames))
    return chunk(b"RIFF", b"AVI " + headers + movi)


def box(name: bytes, *bodies: bytes) -> bytes:
    """A box of ISO media."""
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, name) + body


def full_box(name: bytes, *words: int) -> bytes:
    """A box of version 0 whose body is 32-bit words."""
    return box(name, b"\0\0\0\0", struct.pack(f">{len(words)}I", *words))


def with_box(data: bytes, path: str, replacement: bytes) -> bytes:
    """An ISO file in which the first box of a path is another; sizes around it fit."""
    parts = pieces(data)
    old = _first(parts, path)
    made = bytearray(data[: old.start] + replacement + data[old.end :])
    grown = len(replacement) - (old.end - old.start)
    around = path.rpartition(".")[0]
    while around:
        outer = _first(parts, around)
        struct.pack_into(">I", made, outer.start, outer.end - outer.start + grown)
        around = around.rpartition(".")[0]
    return bytes(made)


def _first(parts: list[Piece], path: str) -> Piece:
    return next(piece for piece in parts if piece.path == path)
