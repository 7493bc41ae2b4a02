from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_client import PictureError
from affect_client.pictures import encoded

sizes = st.integers(1, 40)


def decoded(data: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture, np.uint8)


@given(height=sizes, width=sizes, seed=st.integers(0, 999))
def test_another_program_reads_the_very_pixels(height: int, width: int, seed: int) -> None:
    noise = np.random.default_rng(seed)
    colours = noise.integers(0, 256, (height, width, 3), np.uint8)
    grey = noise.integers(0, 256, (height, width), np.uint8)
    np.testing.assert_array_equal(decoded(encoded(colours)), colours)
    np.testing.assert_array_equal(decoded(encoded(grey)), grey)


def test_views_are_read_as_they_look() -> None:
    whole = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    for view in (whole[:, ::-1], whole[2:9, 3:7], whole.transpose(1, 0, 2), whole[..., ::-1]):
        np.testing.assert_array_equal(decoded(encoded(view)), view)


def test_encoded_pictures_pass_as_they_are() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    for kind in (".jpg", ".png"):
        array = cv2.imencode(kind, pixels)[1]
        assert encoded(array.tobytes()) == encoded(array) == array.tobytes()


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"GIF89a",
        "text",
        None,
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros(4, np.float64),
    ],
)
def test_what_is_no_picture_is_named(picture: object) -> None:
    with pytest.raises(PictureError):
        encoded(picture)
