"""No memory: each frame by itself, to see what a memory is worth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affect_core.spec import FrameSpec
from affect_core.temporal import FeatureShape, TemporalState, fully_connected


class FrameHead(nn.Module):
    """Fully connected layers over the mean of a frame's feature map, tanh."""

    def __init__(self, spec: FrameSpec, shape: FeatureShape) -> None:
        super().__init__()
        self.spec = spec
        self.projected_channels = shape.channels
        """Of what `project` gives."""
        self.head = fully_connected(shape.channels, spec.head_features)

    def initial_state(self, batch: int) -> TemporalState:
        """Nothing is remembered: (B, 0), which keeps count of the tracks."""
        device = next(self.parameters()).device
        return (torch.zeros((batch, 0), dtype=torch.float32, device=device),)

    def forward(
        self, features: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """(B, T, C, H, W), (B, T) bool, state -> (B, T, 2) in [-1, 1], the state as it was."""
        return self.advance(features, mask, state)

    def project(self, features: Tensor) -> Tensor:
        """What depends on no state, of each frame: the features, (N, C, H, W)."""
        return features

    def advance(
        self, projected: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """As `forward`, of what `project` gave; padded steps hold no meaning."""
        del mask
        return torch.tanh(self.head(projected.mean((3, 4)))), state
