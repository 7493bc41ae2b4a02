"""Batches of sequences for a stage, from crops or from features kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from affect_core.temporal import AROUSAL, VALENCE
from affect_core.types import Image
from affect_training.dataset.prepared import PreparedSet, TrackRef
from affect_training.errors import DataError
from affect_training.fit.augment import Augment
from affect_training.fit.windows import Window, WindowBatches


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded sequences with their gold standard.

    inputs: (B, T, S, S, 3) uint8 crops or (B, T, C, H, H) features. mask: (B, T) bool, True
    where there is a crop. rated: (B, T) bool. gold: (B, T, 2) float32 in [-1, 1], 0 where
    unrated.
    """

    inputs: Tensor
    mask: Tensor
    rated: Tensor
    gold: Tensor

    def __post_init__(self) -> None:
        rows = self.inputs.shape[:2]
        if self.mask.shape != rows or self.rated.shape != rows or self.gold.shape != (*rows, 2):
            raise ValueError(
                f"shapes {tuple(self.inputs.shape)}, {tuple(self.mask.shape)}, "
                f"{tuple(self.rated.shape)}, {tuple(self.gold.shape)}"
            )

    def to(self, device: torch.device, *, non_blocking: bool = False) -> Batch:
        """The same batch on a device; Lightning calls it."""
        tensors = (self.inputs, self.mask, self.rated, self.gold)
        return Batch(*(tensor.to(device, non_blocking=non_blocking) for tensor in tensors))


class Source(Protocol):
    """Where the inputs of a window come from."""

    def read(self, window: Window) -> Tensor:
        """(n, ...) of the window's crops."""


class CropSource:
    """Crops of tracks at a stage's size.

    Args:
        prepared: where they are.
        tracks: what windows number.
        crop_size: pixels; larger crops are scaled down to it.
        augment: None leaves crops as they are.
    """

    def __init__(
        self,
        prepared: PreparedSet,
        tracks: Sequence[TrackRef],
        crop_size: int,
        augment: Augment | None,
    ) -> None:
        self._prepared = prepared
        self._tracks = tracks
        self._crop_size = crop_size
        self._augment = augment

    def read(self, window: Window) -> Tensor:
        """(n, crop_size, crop_size, 3) uint8."""
        crops = self._prepared.read_crops(self._tracks[window.track], window.start, window.stop)
        sized = torch.from_numpy(np.stack([_resized(crop, self._crop_size) for crop in crops]))
        return sized if self._augment is None else self._augment(sized, window.seed)


class WindowDataset(Dataset[tuple[Tensor, Tensor]]):
    """Windows -> inputs (n, ...) and gold (n, 2) float32, NaN where unrated."""

    def __init__(self, source: Source, tracks: Sequence[TrackRef]) -> None:
        self._source = source
        self._gold = [gold_of(track) for track in tracks]

    def __getitem__(self, window: Window) -> tuple[Tensor, Tensor]:
        """Read one window."""
        gold = self._gold[window.track][window.start : window.stop]
        return self._source.read(window), gold


def gold_of(track: TrackRef) -> Tensor:
    """(n, 2) float32 in the model's order, NaN where unrated."""
    gold = np.empty((len(track), 2), np.float32)
    gold[:, VALENCE] = track.valence
    gold[:, AROUSAL] = track.arousal
    return torch.from_numpy(gold)


def collate(items: Sequence[tuple[Tensor, Tensor]], steps: int) -> Batch:
    """Windows of up to `steps` crops -> one batch, padded with zeros that count nowhere."""
    first = items[0][0]
    inputs = first.new_zeros((len(items), steps, *first.shape[1:]))
    gold = torch.full((len(items), steps, 2), torch.nan)
    mask = torch.zeros((len(items), steps), dtype=torch.bool)
    for row, (own_inputs, own_gold) in enumerate(items):
        inputs[row, : len(own_inputs)] = own_inputs
        gold[row, : len(own_gold)] = own_gold
        mask[row, : len(own_inputs)] = True
    rated = ~gold.isnan().any(-1)
    return Batch(inputs, mask, rated, gold.nan_to_num(0.0))


def training_loader(
    dataset: WindowDataset, batches: WindowBatches, steps: int, workers: int
) -> DataLoader[Batch]:
    """Batches in the sampler's order, all padded to `steps`: processes gather equal shapes."""
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # a batch dataset to torch is one of tensors
        batch_sampler=batches,
        collate_fn=partial(collate, steps=steps),
        num_workers=workers,
        worker_init_fn=_one_thread,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )


def validation_loader(
    source: Source, tracks: Sequence[TrackRef], batch_crops: int, rank: int, world: int
) -> DataLoader[Batch]:
    """Whole tracks, the longest first, about `batch_crops` crops together; this rank's share."""
    if len(tracks) < world:
        raise DataError(
            f"{len(tracks)} tracks to validate on cannot be shared by {world} processes: start "
            "fewer, or prepare more subjects."
        )
    order = sorted(range(len(tracks)), key=lambda number: (-len(tracks[number]), number))
    batches: list[list[Window]] = []
    for number in order[rank::world]:
        window = Window(number, 0, len(tracks[number]), seed=0)
        if batches and len(batches[-1]) * batches[-1][0].stop < batch_crops:
            batches[-1].append(window)
        else:
            batches.append([window])
    return DataLoader(
        WindowDataset(source, tracks),  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=_collate_whole,
    )


def _collate_whole(items: Sequence[tuple[Tensor, Tensor]]) -> Batch:
    return collate(items, max(len(inputs) for inputs, _ in items))


def _resized(crop: Image, side: int) -> Image:
    if crop.shape[0] == side:
        return crop
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _one_thread(_: int) -> None:
    """Workers share the processor with training."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
