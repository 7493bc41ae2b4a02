"""JPEG or PNG bytes -> an upright RGB frame."""

from __future__ import annotations

import struct
from typing import Final

import cv2
import numpy as np

from affect_core.errors import UndecodableClipError
from affect_core.limits import MIN_SIDE, Limits
from affect_core.types import Image

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that carry the size (ITU-T T.81, table B.1); DHT, JPG and DAC lie among them."""
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def decode_picture(data: bytes | bytearray | memoryview, limits: Limits) -> Image:
    """Decode a JPEG or PNG; it is turned and mirrored as its EXIF orientation says.

    Raises:
        UndecodableClipError: it is neither, is damaged, or is too small for a face.
        FrameTooLargeError: it exceeds the limits; found before its pixels are decoded.
    """
    content = bytes(data)
    size = picture_size(content)
    if size is None:
        raise UndecodableClipError(
            f"{len(content)} bytes arrived that are no JPEG or PNG picture. Encode each frame as "
            "one of these, or send a short clip as the part 'data'."
        )
    width, height = size
    limits.check_frame(width, height)
    if min(width, height) < MIN_SIDE:
        raise UndecodableClipError(
            f"The picture has {width}x{height} pixels; a face needs at least {MIN_SIDE}x{MIN_SIDE}."
        )
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise UndecodableClipError(
            f"A picture of {len(content)} bytes is damaged or was cut short. Send it whole."
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as a PNG's or JPEG's header states them, before any turn; else None."""
    if data.startswith(_PNG):
        return _png_size(data)
    return _jpeg_size(data) if data.startswith(_JPEG) else None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """IHDR is the first chunk (PNG specification, 5.6)."""
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return (width, height) if width and height else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """From the frame header, which lies before the first scan (ITU-T T.81, B.2)."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in _FRAME_HEADERS:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return (width, height) if width and height else None
        else:
            position += 2 + int(struct.unpack(">H", data[position + 2 : position + 4])[0])
    return None
