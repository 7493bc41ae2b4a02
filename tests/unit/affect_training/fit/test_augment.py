"""Augmentation: one draw for an item, decided by its seed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from affect_training.fit.augment import Augment
from affect_training.fit.recipe import AugmentConfig

NONE = AugmentConfig(
    rotation_degrees=0,
    shift=0,
    scale=0,
    mirror=False,
    light=0,
    gamma=0,
    colour=0,
    hue=0,
    gray=0,
    blur=0,
    coarse=0,
    noise=0,
    cut_out=0,
)
NO_NOISE = AugmentConfig(noise=0)

seeds = st.integers(0, 2**31 - 1)


def crops_of(count: int, side: int = 48, seed: int = 0) -> Tensor:
    """Blocks of colour, so that turning and blurring show."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(0, 256, (count, 3, 6, 6), generator=generator).float()
    grown = torch.nn.functional.interpolate(blocks, (side, side), mode="bilinear")
    return grown.permute(0, 2, 3, 1).byte().contiguous()


@settings(max_examples=25)
@given(seed=seeds, count=st.integers(1, 3), side=st.sampled_from([32, 33, 48]))
def test_the_same_seed_gives_the_same_crops_and_touches_nothing_else(
    seed: int, count: int, side: int
) -> None:
    crops = crops_of(count, side)
    before, state = crops.clone(), torch.random.get_rng_state()
    first = Augment(AugmentConfig())(crops, seed)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(crops, before)
    assert (first.dtype, first.shape) == (torch.uint8, crops.shape)
    torch.rand(7)  # whatever happened before does not count
    assert torch.equal(Augment(AugmentConfig())(crops, seed), first)


@settings(max_examples=40)
@given(seed=seeds)
def test_one_draw_holds_along_a_sequence(seed: int) -> None:
    frame = crops_of(1)
    changed = Augment(NO_NOISE)(frame.expand(4, -1, -1, -1), seed)
    for other in changed[1:]:
        assert torch.equal(other, changed[0])


@settings(max_examples=20)
@given(seed=seeds, count=st.integers(2, 4))
def test_a_frame_is_changed_the_same_way_in_any_window(seed: int, count: int) -> None:
    # Features of a long track are computed in pieces under one seed.
    crops = crops_of(count)
    whole = Augment(NO_NOISE)(crops, seed).int()
    for place in range(count):
        alone = Augment(NO_NOISE)(crops[place : place + 1], seed).int()
        assert (alone[0] - whole[place]).abs().max() <= 1  # a rounding


def test_noise_is_drawn_for_every_frame() -> None:
    changed = Augment(NONE.model_copy(update={"noise": 0.2}))(
        torch.full((3, 32, 32, 3), 128, dtype=torch.uint8), 5
    )
    assert not torch.equal(changed[0], changed[1])
    assert changed.float().std() > 0.5
    assert abs(float(changed.float().mean()) - 128) < 1


def test_different_seeds_give_different_crops() -> None:
    crops = crops_of(1)
    changed = [Augment(AugmentConfig())(crops, seed) for seed in range(12)]
    for place, one in enumerate(changed):
        assert not any(torch.equal(one, other) for other in changed[:place])


def test_nothing_changes_where_nothing_may() -> None:
    crops = crops_of(2)
    for seed in range(8):
        assert torch.equal(Augment(NONE)(crops, seed), crops)


@pytest.mark.parametrize(
    "change",
    [
        {"rotation_degrees": 30},
        {"shift": 0.2},
        {"scale": 0.3},
        {"mirror": True},
        {"light": 0.4},
        {"gamma": 0.4},
        {"colour": 0.4},
        {"hue": 0.2},
        {"gray": 1},
        {"blur": 1},
        {"coarse": 1},
        {"noise": 0.1},
        {"cut_out": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_does_something(change: dict[str, float]) -> None:
    crops = crops_of(1)
    config = AugmentConfig.model_validate({**NONE.model_dump(), **change})
    assert any(not torch.equal(Augment(config)(crops, seed), crops) for seed in range(8))


def test_mirroring_swaps_left_and_right_in_about_half_of_the_items() -> None:
    crops = crops_of(1)
    augment = Augment(NONE.model_copy(update={"mirror": True}))
    mirrored = 0
    for seed in range(60):
        changed = augment(crops, seed)
        if not torch.equal(changed, crops):
            assert torch.equal(changed, crops.flip(2))
            mirrored += 1
    assert 15 <= mirrored <= 45


def test_gray_takes_the_colour_and_leaves_the_light() -> None:
    crops = crops_of(1)
    changed = Augment(NONE.model_copy(update={"gray": 1.0}))(crops, 1).int()
    assert torch.equal(changed[..., 0], changed[..., 1])
    assert torch.equal(changed[..., 0], changed[..., 2])
    # ITU-R BT.601, as torchvision has it.
    luma = crops.double() @ torch.tensor([0.2989, 0.587, 0.114], dtype=torch.float64)
    assert (changed[..., 0] - luma).abs().max() <= 1
