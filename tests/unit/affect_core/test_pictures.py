from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from affect_core.errors import ClipError, FrameTooLargeError, UndecodableClipError
from affect_core.limits import Limits
from affect_core.pictures import decode_picture, picture_size
from affect_core.types import Image
from pictures_of import exif_jpeg, exif_png, png_of_size

LIMITS = Limits()
PORTRAIT: Image = cv2.resize(skimage.data.astronaut(), (96, 64)).astype(np.uint8)


def encode(kind: str, image: Image, *settings: int) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    done, data = cv2.imencode(kind, bgr, list(settings))
    assert done
    return data.tobytes()


PNG, JPEG = encode(".png", PORTRAIT), encode(".jpg", PORTRAIT, cv2.IMWRITE_JPEG_QUALITY, 95)
PROGRESSIVE = encode(".jpg", PORTRAIT, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)

UPRIGHT: dict[int, Callable[[Image], Image]] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: image.swapaxes(0, 1)[::-1],
}
"""What EXIF 2.32 says of tag 274: where row 0 and column 0 of what is stored belong."""


def test_a_png_is_decoded_exactly() -> None:
    decoded = decode_picture(PNG, LIMITS)
    np.testing.assert_array_equal(decoded, PORTRAIT)
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE])
def test_a_jpeg_is_decoded_to_rgb(data: bytes) -> None:
    difference = np.abs(decode_picture(data, LIMITS).astype(int) - PORTRAIT)
    assert difference.mean() < 6


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_turned_as_their_exif_says(orientation: int) -> None:
    for plain, turned in (
        (PNG, exif_png(PNG, orientation)),
        (JPEG, exif_jpeg(JPEG, orientation)),
    ):
        expected = UPRIGHT[orientation](decode_picture(plain, LIMITS))
        np.testing.assert_array_equal(decode_picture(turned, LIMITS), expected)
        assert picture_size(turned) == picture_size(plain) == (96, 64)


@pytest.mark.parametrize(
    "image",
    [
        PORTRAIT[:, :, 0],
        np.dstack([PORTRAIT, PORTRAIT[:, :, :1]]),
        PORTRAIT[:, :, 0].astype(np.uint16) * 257,
    ],
    ids=["gray", "with alpha", "16 bits"],
)
def test_other_pixel_formats_become_rgb(image: Image) -> None:
    done, data = cv2.imencode(".png", image)
    assert done
    assert decode_picture(data.tobytes(), LIMITS).shape == (64, 96, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        encode(".bmp", PORTRAIT),
        encode(".webp", PORTRAIT),
        PNG[:8],
        PNG[:20],
        png_of_size(PNG, 0, 64),
        JPEG[:3],
        b"\xff\xd8\xff\xd9",
        *(JPEG[: len(JPEG) * share // 10] for share in range(1, 10)),
        *(PNG[: len(PNG) * share // 10] for share in range(1, 10)),
        PNG[:300] + bytes([PNG[300] ^ 255]) + PNG[301:],
        encode(".png", PORTRAIT[:15]),
    ],
)
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableClipError):
        decode_picture(data, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        png_of_size(PNG, 8193, 16),
        png_of_size(PNG, 8192, 8192),
        png_of_size(PNG, 2**31, 2**31),
        JPEG.replace(struct.pack(">HH", 64, 96), struct.pack(">HH", 64, 9000), 1),
    ],
)
def test_a_picture_too_large_is_refused_by_its_header(data: bytes) -> None:
    with pytest.raises(FrameTooLargeError, match="the limit is 8192 a side"):
        decode_picture(data, LIMITS)


@given(
    data=st.binary(max_size=300)
    | st.binary(max_size=60).map(lambda tail: JPEG[:40] + tail)
    | st.integers(0, len(JPEG) - 1).map(lambda cut: JPEG[:cut])
    | st.integers(0, len(PNG) - 1).map(lambda cut: PNG[:cut])
)
def test_any_bytes_are_a_picture_or_a_refusal(data: bytes) -> None:
    try:
        assert decode_picture(data, LIMITS).shape == (64, 96, 3)
    except ClipError:
        return
