"""Features of a frozen backbone, computed once and kept on disk.

A file holds every crop of the tracks in one view: as it is, or under one draw of the
augmentation for each track. Its name tells backbone, crops and augmentation apart, so that
runs share files and none reads another's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affect_core.model import AffectModel
from affect_training.dataset.prepared import PreparedSet, TrackRef
from affect_training.fit.augment import Augment
from affect_training.fit.data import CropSource
from affect_training.fit.recipe import AugmentConfig, Precision
from affect_training.fit.windows import Window
from affect_training.progress import Advance
from affect_training.ratings.disk import replacing

AUTOCAST: Final[dict[Precision, torch.dtype | None]] = {
    "32-true": None,
    "bf16-mixed": torch.bfloat16,
    "16-mixed": torch.float16,
}
_CHUNK: Final = 64
_PIECE: Final = 128
"""Crops of one track that are held at a time."""


class FeatureSource:
    """Windows from files of features; a window's seed picks the view.

    Args:
        files: one for each view, made by `computed_features` for the same tracks.
        tracks: what windows number.
    """

    def __init__(self, files: Sequence[Path], tracks: Sequence[TrackRef]) -> None:
        self._files = files
        self._first = np.concatenate([[0], np.cumsum([len(track) for track in tracks])])
        self._views: list[NDArray[np.float16]] = []

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_views": []}

    def read(self, window: Window) -> Tensor:
        """(n, C, H, H) float16."""
        if not self._views:
            self._views = [np.load(file, mmap_mode="r") for file in self._files]
        view = self._views[window.seed % len(self._views)]
        first = int(self._first[window.track])
        rows = view[first + window.start : first + window.stop]
        return torch.from_numpy(np.array(rows))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """All crops of some tracks, as they are or under one draw of the augmentation for each.

    `seed` is of the draws, `precision` of the backbone's convolutions; None keeps crops as
    they are.
    """

    prepared: PreparedSet
    tracks: Sequence[TrackRef]
    crop_size: int
    augment: AugmentConfig | None
    seed: int
    precision: Precision

    def __len__(self) -> int:
        return sum(len(track) for track in self.tracks)


def computed_features(view: View, model: AffectModel, folder: Path, advance: Advance) -> Path:
    """The file with the features of a view's crops, in order; made unless it is there.

    Args:
        view: which crops.
        model: its backbone in evaluation mode, on its device.
        folder: where files are kept.
        advance: told of crops.

    Returns:
        A .npy file, (crops, C, H, H) float16: half precision rounds a feature by 0.05 %.

    Raises:
        DataError: a crop cannot be read, or the file cannot be written.
    """
    target = folder / f"{_digest(view, model)}.npy"
    if target.is_file():
        return target
    augment = None if view.augment is None else Augment(view.augment)
    source = CropSource(view.prepared, view.tracks, view.crop_size, augment)
    # Runs beside each other may compute the same view; each writes its own, equal file.
    own = target.with_suffix(f".{os.getpid()}.npy")
    done = 0
    # Written, not mapped: on a full disk a mapped page ends the process.
    with replacing(own) as file:
        for number, track in enumerate(view.tracks):
            draw = int(np.random.default_rng((view.seed, number)).integers(2**31))
            for start in range(0, len(track), _PIECE):
                stop = min(start + _PIECE, len(track))
                crops = source.read(Window(number, start, stop, draw))
                features = _features(model, crops, view.precision)
                if done == 0:
                    _write_header(file, (len(view), *features.shape[1:]))
                file.write(features.tobytes())
                done += len(features)
                advance(done, len(view))
    own.replace(target)
    return target


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Of a .npy file of this shape, float16 in C order."""
    described = {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)  # type: ignore[no-untyped-call]


def _features(model: AffectModel, crops: Tensor, precision: Precision) -> NDArray[np.float16]:
    device = model.mean.device
    mixed = AUTOCAST[precision]
    with torch.inference_mode(), torch.autocast(device.type, mixed, enabled=mixed is not None):
        parts = [
            model.features(part.to(device)).half().cpu() for part in torch.split(crops, _CHUNK)
        ]
    return torch.cat(parts).numpy()


def _digest(view: View, model: AffectModel) -> str:
    """Of everything the features depend on."""
    digest = hashlib.sha256()
    for name, value in sorted(model.backbone.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    described = {
        "index": view.prepared.index_sha256,
        "preprocess": view.prepared.info.preprocess.model_dump(mode="json"),
        "tracks": [(track.clip, track.track) for track in view.tracks],
        "crop_size": view.crop_size,
        "augment": None if view.augment is None else view.augment.model_dump(mode="json"),
        "seed": None if view.augment is None else view.seed,
        "precision": view.precision,
    }
    digest.update(json.dumps(described, sort_keys=True).encode())
    return digest.hexdigest()[:32]
