from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from affect_core.model import AffectModel
from affect_core.quantise import Quantised, observe, rounding_errors

CROPS = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), np.uint8))


def test_ranges_are_found_for_each_convolution_and_hold_zero(tiny_model: AffectModel) -> None:
    ranges = observe(tiny_model.features, [CROPS[:2], CROPS[2:]])
    assert len(ranges) == 16  # of VGG19
    assert ranges[0][0] < 0 < ranges[0][1]  # normalised pixels
    assert all(low == 0 and high > 0 for low, high in ranges[1:])  # after ReLU


def test_few_far_values_do_not_take_the_range() -> None:
    values = torch.linspace(0, 1, 1000).reshape(1, 1, 10, 100).repeat(1, 1, 20, 1)
    values[0, 0, 0, 0] = 3.0
    ((low, high),) = observe(nn.Conv2d(1, 1, 1), [values])
    assert low == 0
    assert 1 <= high < 3


def test_values_that_are_all_zero_have_a_range() -> None:
    ((low, high),) = observe(nn.Conv2d(1, 1, 1), [torch.zeros(1, 1, 4, 4)])
    assert low <= 0 < high


def test_rounding_is_what_its_definition_says() -> None:
    """Against float64, straight from q = clip(round(x / s) + z, 0, 255)."""
    generator = np.random.default_rng(0)
    taken = generator.normal(0.3, 1.0, (2, 3, 6, 6)).astype(np.float32)
    weight = generator.normal(0.0, 0.2, (5, 3, 3, 3)).astype(np.float32)
    low, high = -1.0, 2.0
    scale = (high - low) / 255
    zero = round(-low / scale)
    levels = np.clip(np.round(taken.astype(np.float64) / scale) + zero, 0, 255)
    steps = np.abs(weight.astype(np.float64)).max(axis=(1, 2, 3), keepdims=True) / 127
    expected = functional.conv2d(
        torch.from_numpy((levels - zero) * scale),
        torch.from_numpy(np.clip(np.round(weight / steps), -127, 127) * steps),
        padding=1,
    )
    with Quantised([(low, high)]):
        got = functional.conv2d(torch.from_numpy(taken), torch.from_numpy(weight), padding=1)
    assert got.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_it_begins_anew_each_time_and_leaves_no_trace(tiny_model: AffectModel) -> None:
    rounding = Quantised(observe(tiny_model.features, [CROPS]))
    with torch.inference_mode():
        before = tiny_model.features(CROPS)
        with rounding:
            first = tiny_model.features(CROPS)
        with rounding:
            second = tiny_model.features(CROPS)
        assert torch.equal(tiny_model.features(CROPS), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, before)


def test_a_range_left_out_rounds_nothing() -> None:
    layer, values = nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        expected = layer(values)
        with Quantised([None]):
            assert torch.equal(layer(values), expected)


def test_rounding_errors_are_each_convolutions_own() -> None:
    """A weight near 1 beside many near 0.01 leaves these one of 127 steps."""
    torch.manual_seed(0)
    plain, passing_on = nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 8, 3, bias=False)
    with torch.no_grad():
        passing_on.weight.mul_(0.02)
        passing_on.weight[:, :, 1, 1] += torch.eye(8)
    values = torch.rand(2, 8, 12, 12)
    errors = []
    for layers in (nn.Sequential(plain, passing_on), nn.Sequential(passing_on, plain)):
        ranges = observe(layers, [values])
        errors.append(rounding_errors(layers, values, ranges))
        # The second is handed what was not rounded.
        (alone,) = rounding_errors(layers[1], layers[0](values), ranges[1:])
        assert errors[-1][1] == pytest.approx(alone)
    assert all(0 < error < 0.01 for pair in errors for error in pair)


def test_a_convolution_that_gives_nothing_has_no_error() -> None:
    layer = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    assert rounding_errors(layer, torch.rand(1, 1, 4, 4), [(0.0, 1.0)]) == (0.0,)
