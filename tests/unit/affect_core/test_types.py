from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.types import (
    Box,
    Detection,
    FaceAffect,
    FaceCrop,
    Sample,
    Sampling,
    TrackedFace,
    check_image,
)

NOT_NUMBERS = (math.nan, math.inf, -math.inf)

cells = st.integers(0, 12)
lengths = st.integers(1, 12)
boxes = st.builds(Box, cells, cells, lengths, lengths)
FACE = TrackedFace(0, Detection(Box(0, 0, 1, 1), 1.0), Box(0, 0, 1, 1))


def covered(box: Box) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(int(box.x), int(box.x + box.width))
        for y in range(int(box.y), int(box.y + box.height))
    }


@given(one=boxes, other=boxes)
def test_overlap_is_shared_cells_over_covered_cells(one: Box, other: Box) -> None:
    mine, theirs = covered(one), covered(other)
    assert one.area == len(mine)
    assert one.iou(other) == pytest.approx(len(mine & theirs) / len(mine | theirs))


places = st.floats(-10_000, 10_000)
sides = st.floats(1, 10_000)
anywhere = st.builds(Box, places, places, sides, sides)


@given(one=anywhere, other=anywhere)
def test_overlap_is_symmetric_between_0_and_1_and_1_with_itself(one: Box, other: Box) -> None:
    assert one.iou(other) == other.iou(one)
    assert 0 <= one.iou(other) <= 1 + 1e-9
    assert one.iou(one) == pytest.approx(1)


@pytest.mark.parametrize("other", [Box(10, 0, 5, 5), Box(0, 10, 5, 5), Box(-5, -5, 5, 5)])
def test_boxes_that_only_touch_do_not_overlap(other: Box) -> None:
    assert Box(0, 0, 10, 10).iou(other) == 0


@pytest.mark.parametrize(
    "values",
    [
        (0, 0, 0, 1),
        (0, 0, 1, 0),
        (0, 0, -1, 1),
        *((bad, 0, 1, 1) for bad in NOT_NUMBERS),
        *((0, 0, bad, 1) for bad in NOT_NUMBERS),
        *((0, 0, 1, bad) for bad in NOT_NUMBERS),
    ],
)
def test_what_is_no_box_is_refused(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="not a box"):
        Box(*values)


@pytest.mark.parametrize("score", [-0.01, 1.01, *NOT_NUMBERS])
def test_a_score_outside_0_to_1_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="score"):
        Detection(Box(0, 0, 1, 1), score)


@pytest.mark.parametrize(
    ("arousal", "valence"), [(1.0001, 0), (0, -1.0001), (math.nan, 0), (0, math.nan)]
)
def test_affect_outside_the_plane_is_refused(arousal: float, valence: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        FaceAffect(FACE, arousal, valence)


@pytest.mark.parametrize(
    ("named", "sampling"),
    [
        ("fps", {"fps": 0.0}),
        ("fps", {"fps": -5.0}),
        *(("fps", {"fps": bad}) for bad in NOT_NUMBERS),
        ("start_s", {"start_s": -0.1}),
        *(("start_s", {"start_s": bad}) for bad in NOT_NUMBERS),
        ("end_s", {"end_s": 0.0}),
        ("end_s", {"start_s": 2.0, "end_s": 2.0}),
        ("end_s", {"start_s": 2.0, "end_s": 1.0}),
        ("end_s", {"end_s": math.nan}),
    ],
)
def test_times_that_mean_nothing_are_refused(named: str, sampling: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=named):
        Sampling(**sampling)  # type: ignore[arg-type]


NO_IMAGES = [
    np.zeros((4, 4, 3), np.float32),
    np.zeros((4, 4, 3), np.int8),
    np.zeros((4, 4), np.uint8),
    np.zeros((4, 4, 1), np.uint8),
    np.zeros((4, 4, 4), np.uint8),
    np.zeros((1, 4, 4, 3), np.uint8),
    np.zeros((0, 4, 3), np.uint8),
    np.zeros((4, 0, 3), np.uint8),
]


@pytest.mark.parametrize("image", NO_IMAGES, ids=lambda image: f"{image.shape}-{image.dtype}")
def test_what_is_no_rgb_image_is_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="not an RGB uint8 image"):
        check_image(image)
    with pytest.raises(ValueError, match="not an RGB uint8 image"):
        Sample(0, 0.0, image)
    with pytest.raises(ValueError, match="not an RGB uint8 image"):
        FaceCrop(FACE, image)


def test_a_crop_is_square() -> None:
    FaceCrop(FACE, np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="not square"):
        FaceCrop(FACE, np.zeros((4, 5, 3), np.uint8))
