from __future__ import annotations

import io
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.orientation import Orientation
from pictures_of import exif_jpeg

Matrix = tuple[float, float, float, float]
Image = NDArray[np.uint8]

RIGHT_ANGLES: dict[Matrix, str] = {
    (1, 0, 0, 1): "upright",
    (0, 1, -1, 0): "90",
    (-1, 0, 0, -1): "180",
    (0, -1, 1, 0): "270",
    (-1, 0, 0, 1): "mirrored",
    (1, 0, 0, -1): "flipped",
    (0, 1, 1, 0): "transposed",
    (0, -1, -1, 0): "transverse",
}
matrices = pytest.mark.parametrize("matrix", list(RIGHT_ANGLES), ids=RIGHT_ANGLES.values())


class SideData:
    """Stands in for PyAV's, which cannot be built from Python."""

    def __init__(self, kind: SideDataType, content: bytes) -> None:
        self.type = kind
        self._content = content

    def __bytes__(self) -> bytes:
        return self._content


class SideDataContainer:
    """As PyAV's: found by position and by type."""

    def __init__(self, *entries: SideData) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: int | SideDataType) -> SideData:
        if isinstance(key, SideDataType):
            return next(entry for entry in self._entries if entry.type is key)
        return self._entries[key]

    def get(self, key: SideDataType, default: None = None) -> SideData | None:
        return next((entry for entry in self._entries if entry.type is key), default)


def frame_with(*side_data: SideData) -> VideoFrame:
    return cast("VideoFrame", SimpleNamespace(side_data=SideDataContainer(*side_data)))


def display(matrix: Matrix, translation: Sequence[int] = (0, 0)) -> SideData:
    a, b, c, d = (round(value * 65536) for value in matrix)
    nine = np.array([a, b, 0, c, d, 0, *translation, 1 << 30], np.int32)
    return SideData(SideDataType.DISPLAYMATRIX, nine.tobytes())


def moved(image: Image, matrix: Matrix) -> Image:
    """Every stored pixel taken where the matrix says, then shifted to start at 0, 0."""
    a, b, c, d = (round(value) for value in matrix)
    height, width = image.shape[:2]
    target = {
        (a * p + c * q, b * p + d * q): image[q, p] for q in range(height) for p in range(width)
    }
    left, top = (min(point[axis] for point in target) for axis in (0, 1))
    right, bottom = (max(point[axis] for point in target) for axis in (0, 1))
    rows = [[target[x, y] for x in range(left, right + 1)] for y in range(top, bottom + 1)]
    return np.array(rows, np.uint8)


@pytest.fixture(scope="module")
def image() -> Image:
    return np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)


@matrices
def test_pixels_go_where_the_matrix_takes_them(matrix: Matrix, image: Image) -> None:
    orientation = Orientation.of(frame_with(display(matrix)))
    assert np.array_equal(orientation.apply(image), moved(image, matrix))


@matrices
def test_the_upright_size_is_that_of_the_upright_image(matrix: Matrix, image: Image) -> None:
    orientation = Orientation.of(frame_with(display(matrix)))
    height, width = orientation.apply(image).shape[:2]
    assert orientation.upright_size(image.shape[1], image.shape[0]) == (width, height)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_pure_turn_is_numpy_s_and_reports_its_clockwise_degrees(
    degrees: int, image: Image
) -> None:
    angle = math.radians(degrees)
    matrix = (math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle))
    orientation = Orientation.of(frame_with(display(matrix)))
    assert orientation.rotation == degrees
    assert np.array_equal(orientation.apply(image), np.rot90(image, -degrees // 90))


@pytest.mark.parametrize(
    ("orientation", "undone"),
    [
        (Orientation(mirror_x=True), lambda image: image[:, ::-1]),
        (Orientation(mirror_y=True), lambda image: image[::-1]),
        (Orientation(transpose=True), lambda image: image.swapaxes(0, 1)),
    ],
    ids=["mirror_x", "mirror_y", "transpose"],
)
def test_mirroring_twice_changes_nothing(
    orientation: Orientation, undone: object, image: Image
) -> None:
    assert callable(undone)
    once = orientation.apply(image)
    assert np.array_equal(once, undone(image))
    assert np.array_equal(orientation.apply(once), image)


@pytest.mark.parametrize("matrix", [m for m in RIGHT_ANGLES if m[0] * m[3] - m[1] * m[2] < 0])
def test_a_mirrored_frame_s_turn_follows_its_mirroring(matrix: Matrix, image: Image) -> None:
    orientation = Orientation.of(frame_with(display(matrix)))
    turned = np.rot90(image[:, ::-1], -orientation.rotation // 90)
    assert np.array_equal(orientation.apply(image), turned)


@given(degrees=st.integers(0, 359).filter(lambda degrees: degrees % 90 not in (44, 45, 46)))
def test_other_angles_are_rounded_to_the_nearest_right_one(degrees: int) -> None:
    angle = math.radians(degrees)
    matrix = (math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle))
    expected = round(degrees / 90) * 90 % 360
    assert Orientation.of(frame_with(display(matrix))).rotation == expected


@given(
    matrix=st.tuples(*[st.floats(-32000, 32000, width=16)] * 4),
    translation=st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2),
)
def test_any_matrix_whatever_moves_pixels_and_loses_none(
    matrix: Matrix, translation: tuple[int, int]
) -> None:
    stored = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    pixels = {pixel.tobytes() for pixel in stored.reshape(-1, 3)}
    orientation = Orientation.of(frame_with(display(matrix, translation)))
    upright = orientation.apply(stored)
    assert {pixel.tobytes() for pixel in upright.reshape(-1, 3)} == pixels
    assert orientation.rotation in {0, 90, 180, 270}


def test_a_frame_without_a_matrix_is_upright(image: Image) -> None:
    other = SideData(SideDataType.MOTION_VECTORS, b"not a matrix")
    for frame in (frame_with(), frame_with(other)):
        orientation = Orientation.of(frame)
        assert orientation == Orientation()
        assert np.array_equal(orientation.apply(image), image)


def test_the_matrix_is_found_among_other_side_data() -> None:
    other = SideData(SideDataType.MOTION_VECTORS, b"not a matrix")
    frame = frame_with(other, display((0, 1, -1, 0)), other)
    assert Orientation.of(frame).rotation == 90


@pytest.mark.parametrize(("tag", "degrees"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_a_frame_with_exif_tells_its_turn_though_its_side_data_cannot_be_listed(
    tag: int, degrees: int
) -> None:
    done, data = cv2.imencode(".jpg", np.full((48, 64, 3), 128, np.uint8))
    assert done
    with av.open(io.BytesIO(exif_jpeg(data.tobytes(), tag)), mode="r") as container:
        frame = next(container.decode(video=0))
    assert Orientation.of(frame).rotation == degrees
