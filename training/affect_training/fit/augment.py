"""Augmentation by torchvision, drawn once for all frames of an item.

The draw depends on the item's seed alone, so neither processes nor an interruption change it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional

from affect_training.fit.recipe import AugmentConfig


class Augment:
    """Callable: crops of one item and its seed -> changed crops.

    Args:
        config: what may change and by how much.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self._config = config
        low, high = 1 - config.light, 1 + config.light
        self._transform = v2.Compose(
            [
                v2.RandomHorizontalFlip(0.5 if config.mirror else 0.0),
                v2.RandomAffine(
                    degrees=config.rotation_degrees,
                    translate=(config.shift, config.shift),
                    scale=(1 - config.scale, 1 + config.scale),
                    interpolation=InterpolationMode.BILINEAR,
                ),
                v2.ColorJitter(
                    brightness=(low, high),
                    contrast=(low, high),
                    saturation=(1 - config.colour, 1 + config.colour),
                    hue=config.hue,
                ),
                v2.RandomGrayscale(config.gray),
                _RandomGamma(config.gamma),
                v2.RandomApply([_RandomCoarseness()], config.coarse),
                v2.RandomApply([v2.GaussianBlur(5, sigma=(0.3, 1.6))], config.blur),
                v2.RandomErasing(config.cut_out, scale=(0.02, 0.15)),
                _RandomNoise(config.noise),
            ]
        )

    def __call__(self, crops: Tensor, seed: int) -> Tensor:
        """(n, S, S, 3) uint8 -> (n, S, S, 3) uint8; the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would also queue a call, with its stack, for a GPU not yet used.
            torch.default_generator.manual_seed(seed)
            frames = crops.permute(0, 3, 1, 2).float() / 255
            changed: Tensor = self._transform(frames)
        return (changed * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1)


class _RandomGamma(v2.Transform):
    """x^g with ln g uniform: the response of another camera."""

    def __init__(self, largest: float) -> None:
        super().__init__()
        self._largest = largest

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """As v2 calls it."""
        exponent = math.exp((2 * float(torch.rand(())) - 1) * self._largest)
        return functional.adjust_gamma(inpt.clamp(0, 1), exponent)


class _RandomCoarseness(v2.Transform):
    """Down to a third or more of the size and up again: a far face, a strong codec."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """As v2 calls it."""
        side = inpt.shape[-1]
        small = max(8, round(side * float(torch.empty(()).uniform_(0.35, 0.9))))
        coarse = interpolate(inpt, size=(small, small), mode="bilinear", antialias=True)
        return interpolate(coarse, size=(side, side), mode="bilinear")


class _RandomNoise(v2.Transform):
    """Gaussian noise of one strength for the item, drawn anew in every pixel and frame."""

    def __init__(self, largest: float) -> None:
        super().__init__()
        self._largest = largest

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """As v2 calls it."""
        strength = float(torch.rand(())) * self._largest
        return (inpt + strength * torch.randn_like(inpt)).clamp(0, 1)
