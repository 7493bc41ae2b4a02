from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor, nn

from affect_core.convlstm import ConvLSTMHead, ConvLSTMLayer, LayerState, same_max_pool
from affect_core.model import AffectModel, build_temporal, seed_parameters, seed_temporal
from affect_core.spec import ConvLSTMSpec, TemporalSpec
from affect_core.temporal import AROUSAL, VALENCE, FeatureShape, TemporalState
from affect_core.vgg import VGG

Array = NDArray[np.float64]


# The paper's equations in float64, one convolution tap at a time.


class Weights(NamedTuple):
    """W_x., W_h., W_c. and b_. by gate."""

    x: dict[str, Array]
    h: dict[str, Array]
    c: dict[str, Array]
    b: dict[str, Array]


def array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def sigma(value: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-value))
    return result


def convolve(maps: Array, weight: Array) -> Array:
    """'same' cross-correlation of (C, H, W) with (K, C, k, k)."""
    _, height, width = maps.shape
    outputs, _, size, _ = weight.shape
    centre = size // 2
    result = np.zeros((outputs, height, width))
    for row in range(height):
        for column in range(width):
            for down in range(size):
                for across in range(size):
                    y, x = row + down - centre, column + across - centre
                    if 0 <= y < height and 0 <= x < width:
                        result[:, row, column] += weight[:, :, down, across] @ maps[:, y, x]
    return result


def weights_of(layer: ConvLSTMLayer) -> Weights:
    assert layer.input_conv.bias is not None
    gates = ("i", "f", "c", "o")
    quarters = [slice(k * layer.channels, (k + 1) * layer.channels) for k in range(4)]
    weight_x, weight_h = array(layer.input_conv.weight), array(layer.state_conv.weight)
    bias = array(layer.input_conv.bias)[:, None, None]
    return Weights(
        x={gate: weight_x[part] for gate, part in zip(gates, quarters, strict=True)},
        h={gate: weight_h[part] for gate, part in zip(gates, quarters, strict=True)},
        c={
            "i": array(layer.peephole_i),
            "f": array(layer.peephole_f),
            "o": array(layer.peephole_o),
        },
        b={gate: bias[part] for gate, part in zip(gates, quarters, strict=True)},
    )


def step_by_paper(w: Weights, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    i = sigma(convolve(x, w.x["i"]) + convolve(h, w.h["i"]) + w.c["i"] * c + w.b["i"])
    f = sigma(convolve(x, w.x["f"]) + convolve(h, w.h["f"]) + w.c["f"] * c + w.b["f"])
    cell = f * c + i * np.tanh(convolve(x, w.x["c"]) + convolve(h, w.h["c"]) + w.b["c"])
    o = sigma(convolve(x, w.x["o"]) + convolve(h, w.h["o"]) + w.c["o"] * cell + w.b["o"])
    return o * np.tanh(cell), cell


def run_by_paper(layer: ConvLSTMLayer, sequence: Array, h: Array, c: Array) -> Array:
    """Hidden states, and the last cell behind them, of one sequence (T, C, H, W)."""
    weights, hidden = weights_of(layer), []
    for x in sequence:
        h, c = step_by_paper(weights, x, h, c)
        hidden.append(h)
    return np.stack([*hidden, c])


def randomised(module: nn.Module, seed: int, scale: float = 0.4) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Size(NamedTuple):
    inputs: int
    channels: int
    kernel: int
    side: int
    batch: int
    steps: int


SIZE = Size(inputs=3, channels=2, kernel=3, side=4, batch=3, steps=5)


def layer_case(size: Size) -> tuple[ConvLSTMLayer, Tensor, LayerState]:
    inputs, channels, kernel, side, batch, steps = size
    layer = ConvLSTMLayer(inputs, channels, kernel, side)
    randomised(layer, seed=1)
    state = LayerState(
        noise(batch, channels, side, side, seed=2), noise(batch, channels, side, side, seed=3)
    )
    return layer, noise(batch, steps, inputs, side, side, seed=4), state


SIZES = [
    Size(inputs=3, channels=2, kernel=3, side=4, batch=2, steps=3),
    Size(inputs=2, channels=3, kernel=7, side=3, batch=1, steps=2),
    Size(inputs=4, channels=1, kernel=5, side=1, batch=2, steps=2),
    Size(inputs=1, channels=2, kernel=1, side=2, batch=3, steps=4),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str
)
def test_a_layer_computes_the_paper_s_five_equations(
    size: Size, dtype: torch.dtype, tolerance: float
) -> None:
    layer, sequence, state = layer_case(size)
    batch, steps = sequence.shape[:2]
    hidden, after = layer.to(dtype)(
        sequence.to(dtype),
        torch.ones(batch, steps, dtype=torch.bool),
        LayerState(*(part.to(dtype) for part in state)),
    )
    for row in range(batch):
        expected = run_by_paper(
            layer, array(sequence[row]), array(state.hidden[row]), array(state.cell[row])
        )
        np.testing.assert_allclose(array(hidden[row]), expected[:-1], rtol=0, atol=tolerance)
        np.testing.assert_allclose(array(after.hidden[row]), expected[-2], rtol=0, atol=tolerance)
        np.testing.assert_allclose(array(after.cell[row]), expected[-1], rtol=0, atol=tolerance)


@pytest.mark.parametrize("peephole", ["peephole_i", "peephole_f", "peephole_o"])
def test_every_peephole_counts(peephole: str) -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=1, steps=1))
    mask = torch.ones(1, 1, dtype=torch.bool)
    before, _ = layer(sequence, mask, state)
    with torch.no_grad():
        getattr(layer, peephole).zero_()
    after, _ = layer(sequence, mask, state)
    assert (before - after).abs().max() > 1e-3


PADDED = torch.tensor([[True, True, True, True], [True, True, False, False], [True] + [False] * 3])


@pytest.mark.parametrize("filler", [0.0, 7.0, math.inf, math.nan])
def test_the_content_of_padded_steps_changes_nothing(filler: float) -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=3, steps=4))
    expected, after_expected = layer(sequence, PADDED, state)
    filled = torch.where(PADDED[:, :, None, None, None], sequence, torch.tensor(filler))
    got, after = layer(filled, PADDED, state)
    assert torch.equal(got, expected)
    assert torch.equal(after.hidden, after_expected.hidden)
    assert torch.equal(after.cell, after_expected.cell)


def test_a_padded_sequence_gives_what_it_gives_alone() -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=3, steps=4))
    together, after = layer(sequence, PADDED, state)
    for row, length in enumerate([4, 2, 1]):
        one = slice(row, row + 1)
        alone, after_alone = layer(
            sequence[one, :length],
            torch.ones(1, length, dtype=torch.bool),
            LayerState(state.hidden[one], state.cell[one]),
        )
        torch.testing.assert_close(together[one, :length], alone, rtol=0, atol=1e-6)
        torch.testing.assert_close(after.hidden[one], after_alone.hidden, rtol=0, atol=1e-6)
        torch.testing.assert_close(after.cell[one], after_alone.cell, rtol=0, atol=1e-6)


def test_a_sequence_of_padding_alone_leaves_its_state_as_it_was() -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=2, steps=3))
    _, after = layer(sequence, torch.zeros(2, 3, dtype=torch.bool), state)
    assert torch.equal(after.hidden, state.hidden)
    assert torch.equal(after.cell, state.cell)


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_sequence_cut_anywhere_with_its_state_carried_gives_the_same(cut: int) -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=2, steps=5))
    mask = torch.ones(2, 5, dtype=torch.bool)
    whole, after_whole = layer(sequence, mask, state)
    first, between = layer(sequence[:, :cut], mask[:, :cut], state)
    second, after = layer(sequence[:, cut:], mask[:, cut:], between)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-6)
    torch.testing.assert_close(after.hidden, after_whole.hidden, rtol=0, atol=1e-6)
    torch.testing.assert_close(after.cell, after_whole.cell, rtol=0, atol=1e-6)


def test_a_step_leaves_the_state_it_was_given_untouched() -> None:
    layer, sequence, state = layer_case(SIZE._replace(batch=2, steps=3))
    before = LayerState(*(part.clone() for part in state))
    layer(sequence, torch.ones(2, 3, dtype=torch.bool), state)
    assert torch.equal(state.hidden, before.hidden)
    assert torch.equal(state.cell, before.cell)


# Pooling.


def pooled_by_hand(maps: Array, size: int) -> Array:
    """As TensorFlow documents 'SAME': ceil(n / size) windows, the odd padding behind."""
    channels, height, width = maps.shape
    rows, columns = -(-height // size), -(-width // size)
    top, left = (rows * size - height) // 2, (columns * size - width) // 2
    result = np.empty((channels, rows, columns))
    for row in range(rows):
        for column in range(columns):
            y, x = row * size - top, column * size - left
            window = maps[:, max(0, y) : y + size, max(0, x) : x + size]
            result[:, row, column] = window.max((1, 2))
    return result


@pytest.mark.parametrize("pool", range(1, 6))
@pytest.mark.parametrize("side", range(1, 17))
def test_same_max_pooling_is_the_maximum_of_each_window(side: int, pool: int) -> None:
    # All values negative: padding with zeros would show.
    maps = -noise(2, 3, side, 17 - side, seed=side * 10 + pool).abs() - 1
    got = same_max_pool(maps, pool)
    for row in range(2):
        np.testing.assert_array_equal(array(got[row]), pooled_by_hand(array(maps[row]), pool))


def test_the_paper_s_map_of_seven_pools_to_two() -> None:
    assert same_max_pool(torch.zeros(1, 8, 7, 7), 4).shape == (1, 8, 2, 2)


# The head: stacked layers, pooling, fully connected layers, tanh.


def head_by_paper(head: ConvLSTMHead, features: Array) -> Array:
    """Outputs (T, 2) of one new sequence (T, 512, H, W)."""
    sequence = features
    for layer in head.layers:
        assert isinstance(layer, ConvLSTMLayer)
        zeros = np.zeros((layer.channels, *sequence.shape[2:]))
        sequence = run_by_paper(layer, sequence, zeros, zeros)[:-1]
    linear = [module for module in head.head if isinstance(module, nn.Linear)]
    outputs = []
    for maps in sequence:
        value: Array = pooled_by_hand(maps, head.spec.pool_size).reshape(-1)
        for position, module in enumerate(linear):
            value = array(module.weight) @ value + array(module.bias)
            value = np.tanh(value) if position == len(linear) - 1 else value.clip(min=0)
        outputs.append(value)
    return np.stack(outputs)


def small_head() -> ConvLSTMHead:
    spec = ConvLSTMSpec(hidden_channels=(3, 2), kernel_size=3, pool_size=2, head_features=(5, 4))
    head = ConvLSTMHead(spec, FeatureShape(512, 3))
    randomised(head, seed=5, scale=0.1)
    return head


def test_the_head_is_layers_then_pooling_then_fully_connected_then_tanh() -> None:
    head = small_head()
    features = noise(2, 3, 512, 3, 3, seed=6)
    outputs, _ = head(features, torch.ones(2, 3, dtype=torch.bool), head.initial_state(2))
    for row in range(2):
        expected = head_by_paper(head, array(features[row]))
        np.testing.assert_allclose(array(outputs[row]), expected, rtol=0, atol=2e-5)
        assert np.ptp(expected) > 0.01


def test_the_head_s_state_carries_over_a_cut_and_padding_does_not_count() -> None:
    head = small_head()
    features = noise(2, 4, 512, 3, 3, seed=7)
    mask = torch.tensor([[True] * 4, [True, True, True, False]])
    whole, after_whole = head(features, mask, head.initial_state(2))
    first, between = head(features[:, :2], mask[:, :2], head.initial_state(2))
    second, after = head(features[:, 2:], mask[:, 2:], between)
    both = torch.cat([first, second], 1)
    torch.testing.assert_close(both[mask], whole[mask], rtol=0, atol=1e-6)
    for got, expected in zip(after, after_whole, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_a_track_not_seen_before_starts_from_zeros() -> None:
    state: TemporalState = small_head().initial_state(2)
    shapes = [tuple(memory.shape) for memory in state]
    assert shapes == [(2, 3, 3, 3), (2, 3, 3, 3), (2, 2, 3, 3), (2, 2, 3, 3)]
    for memory in state:
        assert memory.dtype == torch.float32
        assert not memory.any()


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e30])
def test_outputs_lie_in_the_plane_whatever_the_features(scale: float) -> None:
    head = small_head()
    features = scale * noise(1, 3, 512, 3, 3, seed=8)
    outputs, _ = head(features, torch.ones(1, 3, dtype=torch.bool), head.initial_state(1))
    assert outputs.shape == (1, 3, 2)
    assert outputs.abs().max() <= 1


def test_the_default_layers_are_the_paper_s() -> None:
    head = ConvLSTMHead(ConvLSTMSpec(), FeatureShape(512, 7))
    shapes = [tuple(parameter.shape) for parameter in head.parameters()]
    expected: list[tuple[int, ...]] = []
    for inputs, channels in ((512, 32), (32, 16), (16, 8)):
        expected += [(channels, 7, 7)] * 3
        expected += [(4 * channels, inputs, 7, 7), (4 * channels,), (4 * channels, channels, 7, 7)]
    expected += [(32, 8 * 2 * 2), (32,), (2, 32), (2,)]
    assert shapes == expected


def test_valence_is_first_and_arousal_second_as_in_the_paper() -> None:
    assert (VALENCE, AROUSAL) == (0, 1)


# The whole model. torchvision's vgg19().features: convolutions and poolings by position.

VGG19_CONVOLUTIONS = {
    0: (64, 3),
    2: (64, 64),
    5: (128, 64),
    7: (128, 128),
    10: (256, 128),
    12: (256, 256),
    14: (256, 256),
    16: (256, 256),
    19: (512, 256),
    21: (512, 512),
    23: (512, 512),
    25: (512, 512),
    28: (512, 512),
    30: (512, 512),
    32: (512, 512),
    34: (512, 512),
}
VGG19_POOLINGS = (4, 9, 18, 27, 36)


def test_the_backbone_s_parameters_are_named_and_shaped_as_torchvision_s() -> None:
    expected: dict[str, tuple[int, ...]] = {}
    for position, (outputs, inputs) in VGG19_CONVOLUTIONS.items():
        expected[f"features.{position}.weight"] = (outputs, inputs, 3, 3)
        expected[f"features.{position}.bias"] = (outputs,)
    state = VGG(19).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == expected
    assert list(state) == list(expected)


def test_the_backbone_s_layers_stand_where_torchvision_s_do(tiny_model: AffectModel) -> None:
    layers = tiny_model.backbone.get_submodule("features")
    assert isinstance(layers, nn.Sequential)
    for position, layer in enumerate(layers):
        if position in VGG19_CONVOLUTIONS:
            assert isinstance(layer, nn.Conv2d)
            assert (layer.padding, layer.stride, layer.dilation) == ((1, 1), (1, 1), (1, 1))
        elif position in VGG19_POOLINGS:
            assert isinstance(layer, nn.MaxPool2d)
            assert (layer.kernel_size, layer.stride, layer.padding) == (2, 2, 0)
        else:
            assert isinstance(layer, nn.ReLU)
    assert len(layers) == 37


@pytest.mark.parametrize("side", [32, 64, 96])
def test_features_are_a_thirty_second_of_the_crop(tiny_model: AffectModel, side: int) -> None:
    crops = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    with torch.inference_mode():
        features = tiny_model.features(crops)
    assert features.shape == (2, 64, side // 32, side // 32)
    assert features.dtype == torch.float32
    assert (features >= 0).all()


def test_crops_are_normalised_by_imagenet_s_mean_and_deviation(
    tiny_model: AffectModel,
) -> None:
    seen: list[Tensor] = []
    hook = tiny_model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    random = np.random.default_rng(9)
    crops = random.integers(0, 256, (2, 32, 32, 3), np.uint8)
    try:
        tiny_model.features(torch.from_numpy(crops))
    finally:
        hook.remove()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((crops / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(array(seen[0]), expected, rtol=0, atol=1e-5)


def test_a_crop_s_features_do_not_depend_on_the_others(tiny_model: AffectModel) -> None:
    random = torch.Generator().manual_seed(10)
    crops = torch.randint(0, 256, (3, 32, 32, 3), generator=random, dtype=torch.uint8)
    with torch.inference_mode():
        together = tiny_model.features(crops)
        alone = torch.cat([tiny_model.features(crop[None]) for crop in crops])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    tiny_model: AffectModel,
) -> None:
    before = {name: value.clone() for name, value in tiny_model.state_dict().items()}
    global_state = torch.random.get_rng_state()
    try:
        seed_parameters(tiny_model, 1)
        first = {name: value.clone() for name, value in tiny_model.state_dict().items()}
        seed_parameters(tiny_model, 2)
        second = {name: value.clone() for name, value in tiny_model.state_dict().items()}
        for value in tiny_model.state_dict().values():
            value.fill_(math.nan)
        seed_parameters(tiny_model, 1)
        for name, value in tiny_model.state_dict().items():
            assert torch.equal(value, first[name]), name
        for name, value in first.items():
            if name.endswith("weight"):
                assert not torch.equal(value, second[name]), name
            elif "input_conv" in name:
                channels = len(value) // 4
                forget = torch.zeros(len(value)).index_fill_(
                    0, torch.arange(channels, 2 * channels), 1.0
                )
                assert torch.equal(value, forget), name
            else:
                assert not value.any(), name
    finally:
        tiny_model.load_state_dict(before)
    assert torch.equal(torch.random.get_rng_state(), global_state)


def spec_of(kind: str) -> TemporalSpec:
    return TypeAdapter[TemporalSpec](TemporalSpec).validate_python({"kind": kind})


@pytest.mark.parametrize("kind", ["convlstm", "lstm", "gru"])
def test_what_was_before_is_remembered(kind: str) -> None:
    assert not torch.equal(*_with_other_beginnings(kind))


def test_a_model_of_frames_remembers_nothing() -> None:
    assert torch.equal(*_with_other_beginnings("frame"))


def _with_other_beginnings(kind: str) -> tuple[Tensor, Tensor]:
    """The last outputs of two sequences that differ in their first frame."""
    temporal = build_temporal(spec_of(kind), FeatureShape(6, 2))
    seed_temporal(temporal, torch.Generator().manual_seed(3))
    one = torch.rand(1, 4, 6, 2, 2, generator=torch.Generator().manual_seed(4))
    other = one.clone()
    other[:, 0] += 1
    mask = torch.ones(1, 4, dtype=torch.bool)
    with torch.inference_mode():
        first, second = (temporal(x, mask, temporal.initial_state(1))[0] for x in (one, other))
    assert not torch.equal(first[:, 0], second[:, 0])
    assert first.abs().max() < 1
    return first[:, 1:], second[:, 1:]


@pytest.mark.parametrize("kind", ["convlstm", "lstm", "gru", "frame"])
def test_projecting_and_going_on_is_the_whole(kind: str) -> None:
    """Also where the states are carried from call to call."""
    temporal = build_temporal(spec_of(kind), FeatureShape(6, 2))
    seed_temporal(temporal, torch.Generator().manual_seed(3))
    features = torch.rand(2, 4, 6, 2, 2, generator=torch.Generator().manual_seed(4))
    mask = torch.tensor([[True] * 4, [True] * 3 + [False]])
    with torch.inference_mode():
        expected, state = temporal(features, mask, temporal.initial_state(2))
        projected = torch.stack([temporal.project(row) for row in features])
        got, after = temporal.advance(projected, mask, temporal.initial_state(2))
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(after, state)
