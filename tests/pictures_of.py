"""Pictures with EXIF, written by hand."""

from __future__ import annotations

import struct
import zlib


def exif_jpeg(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an APP1 segment that says how it is to be turned (1 to 8)."""
    segment = b"Exif\0\0" + _tiff(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def exif_png(png: bytes, orientation: int) -> bytes:
    """The PNG with an eXIf chunk after its header."""
    chunk = b"eXIf" + _tiff(orientation)
    framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:33] + framed + png[33:]


def png_of_size(png: bytes, width: int, height: int) -> bytes:
    """The PNG with a header that claims another size."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def _tiff(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
