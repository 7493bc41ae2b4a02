"""Batch norm that trains, and the plain VGG it is folded into."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from affect_core.vgg import VGG, Depth
from affect_training.networks.batch_norm import (
    GlobalBatchNorm2d,
    fold_batch_norm,
    with_batch_norm,
)

DEPTHS: tuple[Depth, ...] = (11, 19)


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pair() -> tuple[GlobalBatchNorm2d, nn.BatchNorm2d]:
    ours, theirs = GlobalBatchNorm2d(5), nn.BatchNorm2d(5)
    with torch.no_grad():
        ours.weight.copy_(noise(5, seed=1))
        ours.bias.copy_(noise(5, seed=2))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_in_one_process_it_is_torch_s_batch_norm() -> None:
    ours, theirs = pair()
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        for step in range(3):
            maps = 2 + 3 * noise(4, 5, 3, 2, seed=10 + step)
            own, other = maps.clone().requires_grad_(), maps.clone().requires_grad_()
            got, expected = ours(own), theirs(other)
            assert torch.equal(got, expected)
            weights = noise(4, 5, 3, 2, seed=20 + step)
            (got * weights).sum().backward()
            (expected * weights).sum().backward()
            assert own.grad is not None
            assert other.grad is not None
            assert torch.equal(own.grad, other.grad)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    assert ours.running_mean is not None
    assert (ours.running_mean - 2).abs().max() < 1.5


def test_it_follows_every_convolution_and_shares_its_weights() -> None:
    backbone = VGG(16)
    layers = list(with_batch_norm(backbone))
    for before, after in pairwise(layers):
        assert isinstance(after, GlobalBatchNorm2d) == isinstance(before, nn.Conv2d)
        if isinstance(after, GlobalBatchNorm2d) and isinstance(before, nn.Conv2d):
            assert after.num_features == before.out_channels
    originals = [p for layer in backbone.features for p in layer.parameters()]
    kept = [p for layer in layers if isinstance(layer, nn.Conv2d) for p in layer.parameters()]
    assert all(a is b for a, b in zip(originals, kept, strict=True))
    assert sum(isinstance(layer, GlobalBatchNorm2d) for layer in layers) == 13


@pytest.mark.parametrize("depth", DEPTHS)
def test_folding_keeps_what_evaluation_computes(depth: Depth) -> None:
    backbone = VGG(depth)
    for layer in backbone.features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    trained = with_batch_norm(backbone)
    for seed, layer in enumerate(trained):
        if isinstance(layer, GlobalBatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            generator = torch.Generator().manual_seed(seed)
            layer.running_mean.normal_(0, 0.3, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(layer.bias, 0, 0.3, generator=generator)
    # In float64: rounding through nineteen random layers is not what is asked about.
    trained, plain = trained.double(), VGG(depth).double()
    fold_batch_norm(trained, into=plain)
    frames = noise(2, 3, 64, 64, seed=3).double()
    with torch.inference_mode():
        expected = trained.eval()(frames)
        features = plain.eval()(frames)
    assert expected.std() > 0.1
    torch.testing.assert_close(features, expected, rtol=1e-11, atol=1e-11)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in plain.modules())
