"""What every temporal model shares: its input's shape, its state, its last layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from torch import Tensor, nn

VALENCE: Final = 0
AROUSAL: Final = 1
"""Positions in a model's output, in the paper's order."""

TemporalState = tuple[Tensor, ...]
"""A temporal model's memories, the batch first in each. Values only: a step returns new ones."""


@dataclass(frozen=True, slots=True)
class FeatureShape:
    """What a backbone gives for one crop: (channels, map_size, map_size)."""

    channels: int
    map_size: int

    def __post_init__(self) -> None:
        if self.channels < 1 or self.map_size < 1:
            raise ValueError(f"not a feature map: {self.channels} x {self.map_size}^2")


def fully_connected(inputs: int, hidden: Sequence[int]) -> nn.Sequential:
    """`inputs` -> hidden layers with ReLU -> 2 outputs (valence, arousal) before tanh."""
    sizes = (inputs, *hidden)
    layers: list[nn.Module] = []
    for width, following in pairwise(sizes):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 2))
