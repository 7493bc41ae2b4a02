"""Pictures for a live session: JPEG or PNG as they are, arrays as PNG.

PNG loses nothing, so a frame sent as an array gives the numbers of that very frame; and writing
one needs the standard library alone. JPEG is several times smaller: over a slow network encode
with what the camera's library brings, `cv2.imencode(".jpg", frame)[1].tobytes()` say.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final, TypeAlias

from affect_client.errors import PictureError

Picture: TypeAlias = Any
"""JPEG or PNG bytes; or an array, uint8, of shape (height, width, 3) in OpenCV's order blue,
green, red, or (height, width) in grey. Whatever has Python's buffer interface will do: numpy's
arrays have it."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FAST: Final = 1
"""zlib's level: about a third off, in a few hundredths of a second."""


def encoded(picture: Picture) -> bytes:
    """The picture as the server takes it.

    Raises:
        PictureError: bytes that are neither JPEG nor PNG, or an array of another shape or type.
    """
    try:
        view = memoryview(picture)
    except TypeError:
        kind = type(picture).__name__
        raise PictureError(f"A picture is JPEG or PNG bytes or an array, not {kind}.") from None
    if view.ndim == 1 and view.itemsize == 1:
        data = bytes(view)
        if not data.startswith((_PNG, _JPEG)):
            raise PictureError(f"These {len(data)} bytes are neither JPEG nor PNG.")
        return data
    shape = view.shape or ()
    colours = len(shape) == 3 and shape[2] == 3
    if view.format != "B" or not (colours or len(shape) == 2) or 0 in shape:
        raise PictureError(
            f"An array of shape {shape} and format {view.format!r} is no picture: it must be uint8 "
            "and (height, width, 3) or (height, width)."
        )
    pixels = bytearray(view.tobytes())
    if colours:
        pixels[0::3], pixels[2::3] = pixels[2::3], pixels[0::3]
    return _png(bytes(pixels), shape[1], shape[0], 3 if colours else 1)


def _png(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """PNG (ISO/IEC 15948) of 8 bits a channel, rows unfiltered, not interlaced."""
    row = width * channels
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, row * height, row))
    kind = 2 if channels == 3 else 0
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, _FAST)), (b"IEND", b""))
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
