"""Pictures of next to no bytes: black ones of any size, and ones that state another size."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from torture.corpus.written import picture

_MIB: Final = 1 << 20
_GREY, _RGB, _RGBA = 0, 2, 6
_CHANNELS: Final = {_GREY: 1, _RGB: 3, _RGBA: 4}


def packed_zeros(count: int) -> bytes:
    """So many zeros, deflated (RFC 1950): a thousandth of them, made in no time.

    A block that was fully flushed can be repeated.
    """
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(count % _MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", count % 65521, 1)
    return head + block * (count // _MIB) + rest + b"\x03\x00" + checksum


def png(
    width: int, height: int, *, depth: int = 8, colour: int = _RGB, rows: int | None = None
) -> bytes:
    """A black PNG.

    Args:
        width: as stated and as it is.
        height: as stated.
        depth: bits of a channel.
        colour: 0 grey, 2 RGB, 6 RGBA.
        rows: that are there; all unless given.
    """
    row = 1 + (width * _CHANNELS[colour] * depth + 7) // 8
    packed = packed_zeros(row * (height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def apng(width: int, height: int, frames: int) -> bytes:
    """One large picture, then frames of one pixel, each shown on all of it for 0.2 s."""
    still = png(width, height)
    first, end = still.index(b"IDAT") - 4, still.index(b"IEND") - 4
    made = still[:first] + _chunk(b"acTL", struct.pack(">II", frames, 0))
    made += _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 5, 0, 0))
    made += still[first:end]
    dot = packed_zeros(4)
    for k in range(1, frames):
        control = struct.pack(">IIIIIHHBB", 2 * k - 1, 1, 1, 0, 0, 1, 5, 0, 0)
        made += _chunk(b"fcTL", control) + _chunk(b"fdAT", struct.pack(">I", 2 * k) + dot)
    return made + still[end:]


def gif(width: int, height: int, frames: int) -> bytes:
    """Frames of one pixel, each shown on the whole screen for 0.2 s."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    pause = b"\x21\xf9\x04\x00" + struct.pack("<H", 20) + b"\0\0"
    pixel = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return screen + (pause + pixel) * frames + b"\x3b"


def jpeg_stating(width: int, height: int) -> bytes:
    """A small JPEG whose header states another size."""
    data = bytearray(picture(64, 48))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def h264_stating(width: int, height: int) -> bytes:
    """A parameter set of so many pixels, and a slice of nonsense (ITU-T H.264, 7.3.2.1.1).

    Args:
        width: a multiple of 16.
        height: a multiple of 16.
    """
    bits = f"{66:08b}{0:08b}{62:08b}"
    for value in (0, 0, 2, 1):  # set id, frame number's bits, order without bits, references
        bits += _exp_golomb(value)
    bits += "0" + _exp_golomb(width // 16 - 1) + _exp_golomb(height // 16 - 1) + "1100" + "1"
    bits += "0" * (-len(bits) % 8)
    parameters = int(bits, 2).to_bytes(len(bits) // 8, "big")
    start = b"\0\0\0\1"
    return (
        start
        + b"\x67"
        + parameters
        + start
        + b"\x68\xce\x3c\x80"
        + start
        + b"\x65\x88\x84"
        + (b"\x21\xa0" * 20)
    )


def _exp_golomb(value: int) -> str:
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
