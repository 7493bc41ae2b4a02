"""The convolutions of VGG11 to VGG19."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from torch import Tensor, nn

from affect_core.spec import VGGName

Depth = Literal[11, 13, 16, 19]
"""Layers with weights. Three of them are fully connected and not here."""

DEPTHS: Final[dict[VGGName, Depth]] = {"vgg11": 11, "vgg13": 13, "vgg16": 16, "vgg19": 19}
REPEATS: Final[dict[Depth, tuple[int, ...]]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Convolutions of each block."""
_CHANNELS: Final = (64, 128, 256, 512, 512)
VGG_STRIDE: Final = 32


class VGG(nn.Module):
    """VGG without its fully connected layers (Simonyan and Zisserman 2015, table 1, A, B, D and E).

    Parameter names are torchvision's, so its published weights load: VGG19 has
    `features.0.weight` ... `features.34.bias`.

    Args:
        depth: layers with weights, counted as VGG counts.
        width: share of the published channels that each layer has, in (0, 1].
    """

    def __init__(self, depth: Depth, width: float = 1.0) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers(depth, width))

    def forward(self, frames: Tensor) -> Tensor:
        """(N, 3, S, S) normalised RGB -> (N, `vgg_channels(width)`, S // 32, S // 32)."""
        features: Tensor = self.features(frames)
        return features


def vgg_channels(width: float = 1.0) -> int:
    """Channels of the features."""
    return round(_CHANNELS[-1] * width)


def _layers(depth: Depth, width: float) -> Iterator[nn.Module]:
    before = 3
    for repeats, published in zip(REPEATS[depth], _CHANNELS, strict=True):
        channels = round(published * width)
        for _ in range(repeats):
            yield nn.Conv2d(before, channels, 3, padding=1)
            yield nn.ReLU(inplace=True)
            before = channels
        yield nn.MaxPool2d(2, 2)
