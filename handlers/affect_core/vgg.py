"""The convolutions of VGG16 and VGG19."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from torch import Tensor, nn

Depth = Literal[16, 19]

_REPEATS: Final[dict[Depth, tuple[int, ...]]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS: Final = (64, 128, 256, 512, 512)
VGG_CHANNELS: Final = 512
VGG_STRIDE: Final = 32


class VGG(nn.Module):
    """VGG without its fully connected layers (Simonyan and Zisserman 2015, table 1, D and E).

    Parameter names are torchvision's, so its published weights load: VGG19 has
    `features.0.weight` ... `features.34.bias`.
    """

    def __init__(self, depth: Depth) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers(depth))

    def forward(self, frames: Tensor) -> Tensor:
        """(N, 3, S, S) normalised RGB -> (N, 512, S // 32, S // 32)."""
        features: Tensor = self.features(frames)
        return features


def _layers(depth: Depth) -> Iterator[nn.Module]:
    channels = 3
    for repeats, width in zip(_REPEATS[depth], _WIDTHS, strict=True):
        for _ in range(repeats):
            yield nn.Conv2d(channels, width, 3, padding=1)
            yield nn.ReLU(inplace=True)
            channels = width
        yield nn.MaxPool2d(2, 2)
