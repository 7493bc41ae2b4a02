"""A deep VGG that is trained as a shallow one first.

Nineteen layers from random weights start late; eleven start at once. Simonyan and Zisserman
2015 (section 3.1) trained their deeper networks from the layers of the eleven. Here the layers
that are added change nothing at first: convolutions that pass their input on, as Net2DeeperNet
has them (Chen, Goodfellow and Shlens 2016, arXiv:1511.05641, section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from affect_core.vgg import REPEATS, Depth

_NOISE: Final = 0.1
"""Of the random weights that He's initialisation would have had; equal ones would stay equal."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One convolution and what follows it."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d
    relu: nn.Module


def shallow(backbone: nn.Sequential, depth: Depth) -> nn.Sequential:
    """The first layers of each block of a VGG with batch norm; modules are shared.

    Args:
        backbone: from `with_batch_norm`, at least as deep.
        depth: layers with weights, counted as VGG counts: three of them are not convolutions.
    """
    layers: list[nn.Module] = []
    for (block, pool), count in zip(_blocks(backbone), REPEATS[depth], strict=True):
        for layer in block[:count]:
            layers += [layer.convolution, layer.norm, layer.relu]
        layers.append(pool)
    return nn.Sequential(*layers)


def deepen(
    backbone: nn.Sequential, before: Depth, after: Depth, generator: torch.Generator
) -> None:
    """Make the layers that `after` has and `before` has not pass their input on.

    The network then computes nearly what it did: exactly, but for a little noise in the new
    weights, which lets them learn different things.

    Args:
        backbone: from `with_batch_norm`; it changes.
        before: the depth that was trained.
        after: the depth that will be.
        generator: of the noise.
    """
    for (block, _), known, wanted in zip(
        _blocks(backbone), REPEATS[before], REPEATS[after], strict=True
    ):
        for number in range(known, wanted):
            _pass_on(block[number], block[number - 1].norm, generator)


def _blocks(backbone: nn.Sequential) -> Iterator[tuple[list[_Layer], nn.Module]]:
    """Each block's layers and the pooling after them."""
    modules = iter(backbone)
    block: list[_Layer] = []
    for module in modules:
        if isinstance(module, nn.Conv2d):
            norm, relu = next(modules), next(modules)
            if not isinstance(norm, nn.BatchNorm2d):
                raise TypeError("a VGG that grows has batch norm after every convolution")
            block.append(_Layer(module, norm, relu))
        else:
            yield block, module
            block = []


@torch.no_grad()
def _pass_on(layer: _Layer, before: nn.BatchNorm2d, generator: torch.Generator) -> None:
    convolution, norm = layer.convolution, layer.norm
    deviation = _NOISE * math.sqrt(2 / (9 * convolution.out_channels))
    noise = torch.randn(convolution.weight.shape, generator=generator)
    nn.init.dirac_(convolution.weight)
    convolution.weight += deviation * noise
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError("a VGG that grows keeps its batch norm's statistics")
    mean, variance = rectified_moments(before.bias, before.weight)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.bias.copy_(mean)
    norm.weight.copy_((variance + norm.eps).sqrt())


def rectified_moments(mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(0, x), x normal: what ReLU leaves of a batch norm's output.

    From the first two moments of the rectified Gaussian, with z = mean / deviation and the
    normal density p and distribution P: E = mean P(z) + deviation p(z),
    E2 = (mean^2 + deviation^2) P(z) + mean deviation p(z).

    Args:
        mean: (C,).
        deviation: (C,), its sign does not matter.

    Returns:
        Both (C,); the variance is at least 1e-6.
    """
    deviation = deviation.abs().clamp(min=1e-6)
    z = mean / deviation
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    share = (1 + torch.erf(z / math.sqrt(2))) / 2
    first = mean * share + deviation * density
    second = (mean.square() + deviation.square()) * share + mean * deviation * density
    return first, (second - first.square()).clamp(min=1e-6)
