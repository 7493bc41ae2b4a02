"""Batches from windows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.dataset.prepared import PreparedSet, TrackRef
from affect_training.errors import DataError
from affect_training.fit.augment import Augment
from affect_training.fit.data import (
    Batch,
    CropSource,
    WindowDataset,
    collate,
    gold_of,
    training_loader,
    validation_loader,
)
from affect_training.fit.recipe import AugmentConfig
from affect_training.fit.windows import Window, WindowBatches, sequence_slots


@st.composite
def windows(draw: st.DrawFn) -> list[tuple[Tensor, Tensor]]:
    """Inputs (n, 2, 1) and gold (n, 2) of windows of 1 to 5 steps, some unrated."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    items = []
    for steps in draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)):
        gold = random.uniform(-1, 1, (steps, 2)).astype(np.float32)
        gold[random.random(steps) < 0.4] = np.nan
        inputs = random.integers(1, 256, (steps, 2, 1)).astype(np.uint8)
        items.append((torch.from_numpy(inputs), torch.from_numpy(gold)))
    return items


@given(items=windows(), steps=st.integers(5, 7))
def test_a_batch_holds_every_window_and_marks_the_rest(
    items: list[tuple[Tensor, Tensor]], steps: int
) -> None:
    batch = collate(items, steps)
    assert batch.inputs.shape == (len(items), steps, 2, 1)
    assert (batch.inputs.dtype, batch.gold.dtype) == (torch.uint8, torch.float32)
    for row, (inputs, gold) in enumerate(items):
        count = len(inputs)
        assert torch.equal(batch.inputs[row, :count], inputs)
        assert not batch.inputs[row, count:].any()
        assert batch.mask[row].tolist() == [step < count for step in range(steps)]
        rated = ~gold.isnan().any(-1)
        assert torch.equal(batch.rated[row, :count], rated)
        assert not batch.rated[row, count:].any()
        assert torch.equal(batch.gold[row, :count][rated], gold[rated])
    assert not batch.gold[~batch.rated].any()


def test_a_batch_of_unequal_shapes_is_refused() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="shapes"):
        Batch(torch.zeros(2, 3, 4), mask, mask, torch.zeros(2, 4, 2))


def test_gold_is_in_the_model_s_order(tracks: list[TrackRef]) -> None:
    gold = gold_of(tracks[0])
    np.testing.assert_array_equal(gold[:, VALENCE], tracks[0].valence.astype(np.float32))
    np.testing.assert_array_equal(gold[:, AROUSAL], tracks[0].arousal.astype(np.float32))


def test_crops_are_the_set_s_and_scaled_down_by_area(
    prepared: PreparedSet, tracks: list[TrackRef]
) -> None:
    window = Window(0, 3, 6, 1)
    whole = prepared.read_crops(tracks[0], 3, 6)
    source = CropSource(prepared, tracks, 32, None)
    assert np.array_equal(source.read(window).numpy(), whole)
    halved = CropSource(prepared, tracks, 16, None).read(window).numpy()
    means = whole.astype(np.float64).reshape(3, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(halved - means).max() <= 0.51
    assert cv2.resize(whole[0], (16, 16), interpolation=cv2.INTER_AREA).shape == (16, 16, 3)


def test_augmentation_is_decided_by_the_window_s_seed(
    prepared: PreparedSet, tracks: list[TrackRef]
) -> None:
    augment = Augment(AugmentConfig())
    source = CropSource(prepared, tracks, 32, augment)
    crops = torch.from_numpy(prepared.read_crops(tracks[0], 3, 6))
    assert torch.equal(source.read(Window(0, 3, 6, 8)), augment(crops, 8))
    assert not torch.equal(source.read(Window(0, 3, 6, 9)), source.read(Window(0, 3, 6, 8)))


@pytest.mark.parametrize("workers", [0, 1])
def test_training_batches_come_in_the_sampler_s_order(
    workers: int, prepared: PreparedSet, tracks: list[TrackRef]
) -> None:
    def batches() -> WindowBatches:
        slots = sequence_slots(tracks, 5)
        return WindowBatches(slots, seed=3, batch_size=3, steps_per_epoch=3, rank=0, world=1)

    dataset = WindowDataset(CropSource(prepared, tracks, 32, Augment(AugmentConfig())), tracks)
    loaded = list(training_loader(dataset, batches(), 5, workers))
    expected = [collate([dataset[window] for window in batch], 5) for batch in batches()]
    assert len(loaded) == len(expected) == 3
    for got, wanted in zip(loaded, expected, strict=True):
        for name in ("inputs", "mask", "rated", "gold"):
            assert torch.equal(getattr(got, name), getattr(wanted, name))


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("crops", [1, 8, 100])
def test_validation_goes_through_every_track_once_as_a_whole(
    world: int, crops: int, prepared: PreparedSet, tracks: list[TrackRef]
) -> None:
    source = CropSource(prepared, tracks, 32, None)
    rows: list[tuple[Tensor, Tensor]] = []
    for rank in range(world):
        for batch in validation_loader(source, tracks, crops, rank, world):
            longest = int(batch.mask.sum(1).max())
            assert batch.mask.shape[1] == longest
            # One more track than fits may be in: each is begun before the limit is reached.
            assert len(batch.mask) == 1 or (len(batch.mask) - 1) * longest < crops
            rows += [
                (inputs[mask], gold[mask])
                for inputs, mask, gold in zip(batch.inputs, batch.mask, batch.gold, strict=True)
            ]
    assert len(rows) == len(tracks)
    for number, track in enumerate(tracks):
        whole = source.read(Window(number, 0, len(track), 0))
        (gold,) = [gold for inputs, gold in rows if torch.equal(inputs, whole)]
        assert torch.equal(gold, gold_of(track).nan_to_num(0.0))


def test_fewer_tracks_than_processes_are_refused(
    prepared: PreparedSet, tracks: list[TrackRef], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="4 tracks to validate on cannot be shared by 5"):
        validation_loader(CropSource(prepared, tracks, 32, None), tracks, 9, 0, 5)
