from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from affect_core.sequences import SequenceBatch, join_states, pack, split_state, unpack
from affect_core.temporal import TemporalState


@st.composite
def groupings(draw: st.DrawFn) -> list[list[int]]:
    """0 .. n - 1 spread over sequences, each position once."""
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    positions = draw(st.permutations(range(sum(lengths))))
    rows, start = [], 0
    for length in lengths:
        rows.append(list(positions[start : start + length]))
        start += length
    return rows


def numbered_features(count: int) -> Tensor:
    """Every value tells its crop, channel and place."""
    return torch.arange(count * 3 * 2 * 2, dtype=torch.float32).reshape(count, 3, 2, 2)


@given(rows=groupings())
def test_packing_puts_each_crop_into_its_step_and_masks_the_rest(rows: list[list[int]]) -> None:
    features = numbered_features(sum(map(len, rows)))
    batch = pack(features, rows)
    assert batch.values.shape == (len(rows), max(map(len, rows)), 3, 2, 2)
    assert batch.mask.dtype == torch.bool
    for row, sequence, mask in zip(rows, batch.values, batch.mask, strict=True):
        assert mask.tolist() == [step < len(row) for step in range(len(mask))]
        for step, position in enumerate(row):
            assert torch.equal(sequence[step], features[position])


@given(rows=groupings())
def test_padding_is_finite_and_of_the_same_sequence(rows: list[list[int]]) -> None:
    features = numbered_features(sum(map(len, rows)))
    batch = pack(features, rows)
    for row, sequence in zip(rows, batch.values, strict=True):
        own = {float(features[position, 0, 0, 0]) for position in row}
        assert set(sequence[:, 0, 0, 0].tolist()) <= own


@given(rows=groupings())
def test_unpacking_is_the_inverse_of_packing(rows: list[list[int]]) -> None:
    features = numbered_features(sum(map(len, rows)))
    batch = pack(features, rows)
    flat = unpack(batch.values.flatten(2), rows)
    assert torch.equal(flat, features.flatten(1))


@given(rows=groupings())
def test_unpacking_takes_nothing_from_padded_steps(rows: list[list[int]]) -> None:
    features = numbered_features(sum(map(len, rows)))
    batch = pack(features, rows)
    outputs = batch.values.flatten(2).masked_fill(~batch.mask[:, :, None], torch.nan)
    assert torch.isfinite(unpack(outputs, rows)).all()


@pytest.mark.parametrize("rows", [[], [[]], [[0], []]])
def test_a_sequence_without_crops_is_refused(rows: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one crop"):
        pack(numbered_features(1), rows)


@pytest.mark.parametrize(
    ("features", "mask"),
    [
        ((2, 3, 4, 5), (2, 3)),
        ((2, 3, 4, 5, 5), (2, 4)),
        ((2, 3, 4, 5, 5), (3, 2)),
        ((2, 3, 4, 5, 5), (2, 3, 1)),
    ],
)
def test_a_batch_whose_shapes_disagree_is_refused(
    features: tuple[int, ...], mask: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="shapes"):
        SequenceBatch(torch.zeros(features), torch.ones(mask, dtype=torch.bool))


def test_a_mask_of_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="bool"):
        SequenceBatch(torch.zeros(2, 3, 4, 5, 5), torch.ones(2, 3))


def random_state(batch: int, seed: int) -> TemporalState:
    generator = torch.Generator().manual_seed(seed)

    return tuple(torch.randn((batch, c, 2, 2), generator=generator) for c in (4, 4, 2, 2))


def assert_same(one: TemporalState, other: TemporalState) -> None:
    for layer, expected in zip(one, other, strict=True):
        assert torch.equal(layer, expected)


@given(batch=st.integers(1, 6), seed=st.integers(0, 1000))
def test_splitting_and_joining_are_each_other_s_inverse(batch: int, seed: int) -> None:
    state = random_state(batch, seed)
    parts = split_state(state)
    assert [part[0].shape for part in parts] == [(1, 4, 2, 2)] * batch
    assert_same(join_states(parts), state)
    for again, part in zip(split_state(join_states(parts)), parts, strict=True):
        assert_same(again, part)


def test_joined_states_keep_their_order() -> None:
    states = [random_state(1, seed) for seed in range(3)]
    joined = join_states(states)
    for position, state in enumerate(states):
        assert torch.equal(joined[3][position], state[3][0])


def test_one_track_s_state_keeps_no_other_s_memory_alive() -> None:
    for part in split_state(random_state(50, 0)):
        for tensor in part:
            assert tensor.untyped_storage().nbytes() == tensor.nbytes
