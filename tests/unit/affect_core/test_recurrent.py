"""LSTM and GRU heads against torch's documented equations, in float64 and one step at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from affect_core.checkpoint import Checkpoint
from affect_core.engines import DeviceChoice
from affect_core.recurrent import RecurrentHead
from affect_core.runtime import Runtime
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance, RecurrentSpec
from affect_core.temporal import FeatureShape, TemporalState
from affect_core.types import FaceCrop
from models import lively_model
from named_tracks import NamedTracks

Array = NDArray[np.float64]
Kind = Literal["lstm", "gru"]

KINDS: tuple[Kind, ...] = ("lstm", "gru")
SHAPE = FeatureShape(channels=3, map_size=2)
HIDDEN, LAYERS = 5, 2


def array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def sigma(value: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-value))
    return result


def head_of(kind: Kind) -> RecurrentHead:
    spec = RecurrentSpec(kind=kind, hidden_size=HIDDEN, layers=LAYERS, head_features=(4, 3))
    head = RecurrentHead(spec, SHAPE)
    generator = torch.Generator().manual_seed(21)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
    return head.eval().requires_grad_(requires_grad=False)


HEADS = {kind: head_of(kind) for kind in KINDS}


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def features_of(batch: int, steps: int, seed: int = 1) -> Tensor:
    return noise(batch, steps, SHAPE.channels, SHAPE.map_size, SHAPE.map_size, seed=seed)


def state_of(kind: Kind, batch: int, seed: int = 2) -> TemporalState:
    memories = {"lstm": 2, "gru": 1}[kind]
    return tuple(noise(batch, LAYERS, HIDDEN, seed=seed + n) / 2 for n in range(memories))


def everything(batch: int, steps: int) -> Tensor:
    return torch.ones(batch, steps, dtype=torch.bool)


# torch.nn.LSTM and torch.nn.GRU as their documentation writes them.


def parts(head: RecurrentHead, layer: int, gates: int) -> list[tuple[Array, Array, Array, Array]]:
    """(W_i., W_h., b_i., b_h.) of each gate of a layer."""
    cut = [
        np.split(array(head.cells.get_parameter(f"{name}_l{layer}")), gates)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    return list(zip(*cut, strict=True))


def lstm_step(head: RecurrentHead, layer: int, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    i, f, g, o = (wi @ x + bi + wh @ h + bh for wi, wh, bi, bh in parts(head, layer, 4))
    cell = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(cell), cell


def gru_step(head: RecurrentHead, layer: int, x: Array, h: Array) -> Array:
    reset, update, new = parts(head, layer, 3)
    r = sigma(reset[0] @ x + reset[2] + reset[1] @ h + reset[3])
    z = sigma(update[0] @ x + update[2] + update[1] @ h + update[3])
    n = np.tanh(new[0] @ x + new[2] + r * (new[1] @ h + new[3]))
    hidden: Array = (1 - z) * n + z * h
    return hidden


def by_equations(
    head: RecurrentHead, features: Array, state: list[Array]
) -> tuple[Array, list[Array]]:
    """Outputs (T, 2) of one sequence (T, C, H, W), and (layers, hidden) memories after it."""
    memories = [memory.copy() for memory in state]
    linear = [module for module in head.head if isinstance(module, nn.Linear)]
    outputs = []
    for maps in features:
        value: Array = maps.reshape(-1)
        for layer in range(LAYERS):
            if head.spec.kind == "lstm":
                hidden, cell = lstm_step(head, layer, value, memories[0][layer], memories[1][layer])
                memories[1][layer] = cell
            else:
                hidden = gru_step(head, layer, value, memories[0][layer])
            memories[0][layer] = hidden
            value = hidden
        for position, module in enumerate(linear):
            value = array(module.weight) @ value + array(module.bias)
            value = np.tanh(value) if position == len(linear) - 1 else value.clip(min=0)
        outputs.append(value)
    return np.stack(outputs), memories


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_computes_the_documented_equations(kind: Kind) -> None:
    head, features, state = HEADS[kind], features_of(3, 6), state_of(kind, 3)
    outputs, after = head(features, everything(3, 6), state)
    for row in range(3):
        own = [array(memory[row]) for memory in state]
        expected, memories = by_equations(head, array(features[row]), own)
        assert np.ptp(expected) > 0.05  # a head that always says the same would not do
        np.testing.assert_allclose(array(outputs[row]), expected, rtol=0, atol=2e-6)
        for memory, wanted in zip(after, memories, strict=True):
            np.testing.assert_allclose(array(memory[row]), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filler", [0.0, 7.0, math.inf, math.nan])
def test_right_padding_does_not_count(kind: Kind, filler: float) -> None:
    head, state = HEADS[kind], state_of(kind, 3)
    mask = torch.tensor([[True, True, False, False], [True] * 4, [True, False, False, False]])
    features = features_of(3, 4)
    filled = torch.where(mask[:, :, None, None, None], features, torch.tensor(filler))
    expected, after_expected = head(features, mask, state)
    outputs, after = head(filled, mask, state)
    assert torch.equal(outputs[mask], expected[mask])
    for memory, wanted in zip(after, after_expected, strict=True):
        assert torch.equal(memory, wanted)


@given(
    kind=st.sampled_from(KINDS),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_a_row_gives_in_company_what_it_gives_alone(
    kind: Kind, lengths: list[int], seed: int
) -> None:
    head, batch, steps = HEADS[kind], len(lengths), max(lengths)
    features, state = features_of(batch, steps, seed), state_of(kind, batch, seed)
    mask = torch.arange(steps) < torch.tensor(lengths)[:, None]
    together, after = head(features, mask, state)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        own = tuple(memory[one] for memory in state)
        alone, after_alone = head(features[one, :length], everything(1, length), own)
        torch.testing.assert_close(together[one, :length], alone, rtol=0, atol=1e-6)
        for memory, wanted in zip(after, after_alone, strict=True):
            torch.testing.assert_close(memory[one], wanted, rtol=0, atol=1e-6)


@given(
    kind=st.sampled_from(KINDS),
    steps=st.integers(2, 8),
    cuts=st.sets(st.integers(1, 7), min_size=1),
    seed=st.integers(0, 99),
)
def test_a_state_carried_over_any_cuts_gives_the_same_numbers(
    kind: Kind, steps: int, cuts: set[int], seed: int
) -> None:
    head, features, state = HEADS[kind], features_of(2, steps, seed), state_of(kind, 2, seed)
    whole, after_whole = head(features, everything(2, steps), state)
    places = sorted({0, steps, *(cut for cut in cuts if cut < steps)})
    pieces = []
    for start, stop in pairwise(places):
        piece, state = head(features[:, start:stop], everything(2, stop - start), state)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=1e-6)
    for memory, wanted in zip(state, after_whole, strict=True):
        torch.testing.assert_close(memory, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_the_state_it_was_given_untouched(kind: Kind) -> None:
    state = state_of(kind, 2)
    before = [memory.clone() for memory in state]
    HEADS[kind](features_of(2, 3), everything(2, 3), state)
    for memory, wanted in zip(state, before, strict=True):
        assert torch.equal(memory, wanted)


@pytest.mark.parametrize(("kind", "memories"), [("lstm", 2), ("gru", 1)])
def test_a_track_not_seen_before_starts_from_zeros(kind: Kind, memories: int) -> None:
    state = HEADS[kind].initial_state(3)
    assert [tuple(memory.shape) for memory in state] == [(3, LAYERS, HIDDEN)] * memories
    for memory in state:
        assert memory.dtype == torch.float32
        assert not memory.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e30])
def test_outputs_lie_in_the_plane_whatever_the_features(kind: Kind, scale: float) -> None:
    outputs, _ = HEADS[kind](
        scale * features_of(2, 3), everything(2, 3), HEADS[kind].initial_state(2)
    )
    assert outputs.shape == (2, 3, 2)
    assert outputs.abs().max() <= 1


# Through the pipeline's inference.


@pytest.fixture(scope="module", params=KINDS)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    spec = ModelSpec.model_validate(
        {
            "preprocess": PreprocessSpec(crop_size=32),
            "architecture": {"temporal": {"kind": request.param, "hidden_size": 8}},
            "provenance": Provenance(trained_on="nothing, for tests"),
        }
    )
    return Runtime(Checkpoint(lively_model(spec), spec, "0" * 64), DeviceChoice.of(None))


@pytest.fixture(scope="module")
def crops(crop_of: Callable[[NDArray[np.uint8]], FaceCrop]) -> list[FaceCrop]:
    random = np.random.default_rng(5)
    return [crop_of(random.integers(0, 256, (32, 32, 3), np.uint8) // (n + 1)) for n in range(5)]


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_inference_gives_the_same_over_any_cut_and_in_company(
    runtime: Runtime, crops: list[FaceCrop], cut: int
) -> None:
    times = [n / 5 for n in range(5)]
    whole = NamedTracks(runtime).advance(["ann"] * 5, times, crops).values
    assert np.ptp(whole) > 1e-3
    inference = NamedTracks(runtime)
    first = inference.advance(["ann"] * cut, times[:cut], crops[:cut]).values
    # Another track in between, of which nothing may be seen.
    keys = [key for _ in times[cut:] for key in ("bob", "ann")]
    pairs = [crop for own in crops[cut:] for crop in (crops[0], own)]
    second = inference.advance(keys, np.repeat(times[cut:], 2).tolist(), pairs).values[1::2]
    np.testing.assert_allclose([*first, *second], whole, rtol=0, atol=1e-5)
