"""The face detector that was asked for, or none: another's faces are other data."""

from __future__ import annotations

from affect_core.errors import DetectorUnavailableError
from affect_core.faces import FaceDetector, choose_detector
from affect_core.spec import DetectorName
from affect_training.errors import DataError


def required_detector(name: DetectorName) -> FaceDetector:
    """The detector of that name, never what serving falls back to.

    Raises:
        DataError: it cannot run here.
    """
    try:
        choice = choose_detector(name)
    except DetectorUnavailableError as error:
        raise DataError(str(error)) from error
    if choice.fallback_reason is not None:
        raise DataError(
            f"The detector {name} cannot run here ({choice.fallback_reason}), and {choice.name} "
            "would find other faces. Go where it runs, or prepare, train and serve with "
            f"{choice.name}."
        )
    return choice.detect
