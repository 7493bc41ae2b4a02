"""Two pipelines that ours is compared with, over the same layers and weights.

Both find one face a sample with the paper's Haar cascade and value it with VGG19-ConvLSTM in
eager float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affect_core.model import AffectModel

Picture = NDArray[np.uint8]

_EVERY: Final = 6
"""Of 30 frames a second, the paper's 5."""
_CROP: Final = 224


def paper(path: Path, model: AffectModel) -> Tensor:
    """As a competent researcher writes the paper down: one step after the other, clip by clip.

    cv2 reads and converts every frame and keeps each sixth; Haar looks at the whole picture; the
    clip's crops go through the model at once.

    Args:
        path: the clip's file.
        model: float32, contiguous.

    Returns:
        (N, 2) outputs of the samples with a face.
    """
    capture = cv2.VideoCapture(str(path))
    frames = []
    index = 0
    while True:
        read, frame = capture.read()
        if not read:
            break
        if index % _EVERY == 0:
            frames.append(np.asarray(frame, np.uint8))
        index += 1
    cascade = _cascade()
    found = [_largest_face(frame, cascade, 1.0) for frame in frames]
    crops = [crop for crop in found if crop is not None]
    return _valued(crops, model, len(crops))


def batched(path: Path, model: AffectModel, batch: int = 32) -> Tensor:
    """As one makes it faster without changing its parts.

    Frames that are not sampled are not converted, Haar looks at a picture of 320 pixels, and crops
    go through a channels_last model in batches.

    Args:
        path: the clip's file.
        model: float32, its backbone channels_last.
        batch: crops that go together.

    Returns:
        (N, 2) outputs of the samples with a face.
    """
    cascade = _cascade()
    crops = []
    for frame in _every_sixth(path):
        scale = min(1.0, 320 / max(frame.shape))
        crop = _largest_face(frame, cascade, scale)
        if crop is not None:
            crops.append(crop)
    return _valued(crops, model, batch)


def _every_sixth(path: Path) -> Iterator[Picture]:
    capture = cv2.VideoCapture(str(path))
    index = 0
    while capture.grab():
        if index % _EVERY == 0:
            yield np.asarray(capture.retrieve()[1], np.uint8)
        index += 1


def _cascade() -> cv2.CascadeClassifier:
    folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]  # missing in the stubs
    return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))


def _largest_face(frame: Picture, cascade: cv2.CascadeClassifier, scale: float) -> Picture | None:
    """The RGB crop of the largest face in a BGR frame; None where the cascade finds none."""
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    boxes = cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=4)
    if len(boxes) == 0:
        return None
    x, y, w, h = (round(float(v) / scale) for v in max(boxes, key=lambda box: box[2] * box[3]))
    crop = cv2.resize(frame[y : y + h, x : x + w], (_CROP, _CROP))
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), np.uint8)


def _valued(crops: list[Picture], model: AffectModel, batch: int) -> Tensor:
    with torch.inference_mode():
        pieces = [
            model.features(torch.from_numpy(np.stack(crops[start : start + batch])))
            for start in range(0, len(crops), batch)
        ]
        features = torch.cat(pieces)[None]
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        state = model.temporal.initial_state(1)
        outputs: Tensor = model.temporal(features, mask, state)[0]
    return outputs[0]
