from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.crops import crop_square
from affect_core.types import Box

Image = NDArray[np.uint8]


def square(x: float, y: float, side: float) -> Box:
    return Box(x, y, side, side)


sides = st.floats(1, 400)
starts = st.floats(-300, 400)
sizes = st.sampled_from([32, 64, 224])


def ramps(height: int, width: int) -> Image:
    """Red tells the column and green the row; blue is flat."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = np.arange(width)
    image[:, :, 1] = np.arange(height)[:, None]
    image[:, :, 2] = 77
    return image


@given(
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    shape=st.tuples(st.integers(16, 90), st.integers(16, 90)),
    place=st.builds(square, starts, starts, sides),
    size=sizes,
)
def test_a_frame_of_one_colour_stays_that_colour_wherever_the_square_lies(
    colour: tuple[int, int, int],
    shape: tuple[int, int],
    place: Box,
    size: int,
) -> None:
    image = np.full((*shape, 3), colour, np.uint8)
    crop = crop_square(image, place, size)
    assert crop.shape == (size, size, 3)
    assert crop.dtype == np.uint8
    assert crop.flags.c_contiguous
    assert (crop == np.array(colour, np.uint8)).all()


@given(x=st.floats(-150, 250), y=st.floats(-150, 200), side=st.floats(10, 300), size=sizes)
def test_a_pixel_of_the_crop_shows_its_place_in_the_frame_or_the_nearest_edge(
    x: float, y: float, side: float, size: int
) -> None:
    height, width = 120, 200
    crop = crop_square(ramps(height, width), square(x, y, side), size).astype(float)
    centres = (np.arange(size) + 0.5) * side / size - 0.5
    columns = np.clip(x + centres, 0, width - 1)
    rows = np.clip(y + centres, 0, height - 1)
    # Rounding to whole pixels of the frame at both ends, and of the crop where it is padded.
    allowed = 1.5 + 1.5 * side / size
    assert np.abs(crop[:, :, 0] - columns).max() <= allowed
    assert np.abs(crop[:, :, 1] - rows[:, None]).max() <= allowed
    assert (crop[:, :, 2] == 77).all()


@pytest.mark.parametrize("size", [32, 64])
def test_a_square_of_the_crop_s_own_size_is_copied(size: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    crop = crop_square(image, square(17, 23, size), size)
    assert np.array_equal(crop, image[23 : 23 + size, 17 : 17 + size])


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_pixels_it_covers() -> None:
    image = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    crop = crop_square(image, square(0, 0, 96), 32).astype(float)
    means = image.reshape(32, 3, 32, 3, 3).mean((1, 3))
    assert np.abs(crop - means).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("x", "y", "edge"),
    [
        (-16, 8, np.s_[:, :16]),
        (48, 8, np.s_[:, 16:]),
        (8, -16, np.s_[:16, :]),
        (8, 48, np.s_[16:, :]),
    ],
    ids=["left", "right", "above", "below"],
)
def test_beyond_the_frame_its_edge_is_repeated(
    x: float, y: float, edge: tuple[slice, slice]
) -> None:
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
    crop = crop_square(image, square(x, y, 32), 32)
    around = np.pad(image, ((32, 32), (32, 32), (0, 0)), mode="edge")
    expected = around[32 + int(y) :, 32 + int(x) :][:32, :32]
    assert np.array_equal(crop, expected)
    outside = crop[edge]
    flat_axis = 1 if y == 8 else 0
    assert (outside == np.take(outside, [0], axis=flat_axis)).all()


@given(x=st.floats(-40, 40), y=st.floats(-40, 40), side=st.floats(20, 120), size=sizes)
def test_turning_the_frame_around_turns_the_crop_around(
    x: float, y: float, side: float, size: int
) -> None:
    height, width = 80, 100
    image = ramps(height, width)
    crop = crop_square(image, square(x, y, side), size).astype(int)
    opposite = square(width - x - side, height - y - side, side)
    around = crop_square(np.ascontiguousarray(image[::-1, ::-1]), opposite, size).astype(int)
    # Halves may round either way, which moves an edge by at most a pixel of frame and crop.
    assert np.abs(crop - around[::-1, ::-1]).max() <= 2 + 2 * side / size


@given(
    x=st.floats(-1e7, 1e7),
    y=st.floats(-1e7, 1e7),
    side=st.one_of(st.floats(1e3, 1e9), st.floats(1e-3, 1)),
)
def test_squares_of_any_size_give_a_crop_of_pixels_of_the_frame(
    x: float, y: float, side: float
) -> None:
    crop = crop_square(ramps(40, 60), square(x, y, side), 32)
    assert crop.shape == (32, 32, 3)
    assert crop[:, :, 0].max() < 60
    assert crop[:, :, 1].max() < 40
    assert (crop[:, :, 2] == 77).all()


def test_a_huge_square_takes_no_more_memory_than_a_small_one() -> None:
    image = np.full((64, 64, 3), 50, np.uint8)
    tracemalloc.start()
    try:
        crop_square(image, square(-5e8, -5e8, 1e9), 224)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # NumPy reports its arrays to tracemalloc, and OpenCV returns NumPy's.
    assert peak < 4 * 224 * 224 * 3


def test_the_frame_is_not_written_to() -> None:
    image = ramps(64, 64)
    image.setflags(write=False)
    crop = crop_square(image, square(0, 0, 32), 32)
    crop[:] = 0
    assert np.array_equal(image, ramps(64, 64))
