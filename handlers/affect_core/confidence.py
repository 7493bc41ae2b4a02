"""How sure a model is of one frame: a small network over what the frame looked like to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affect_core.spec import ConfidenceSpec


def seen_of(projected: Tensor, outputs: Tensor) -> Tensor:
    """What confidence is read from: each map's mean, then the outputs.

    Args:
        projected: (N, channels, H, W) float32.
        outputs: (N, 2) in [-1, 1].

    Returns:
        (N, channels + 2) float32.
    """
    return torch.cat([projected.mean((2, 3)), outputs], dim=1)


class ConfidenceHead(nn.Module):
    """Two fully connected layers over a frame's features and its two outputs.

    Args:
        spec: its width.
        channels: of what the temporal model's `project` gives.
    """

    def __init__(self, spec: ConfidenceSpec, channels: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels + 2, spec.features)
        self.last = nn.Linear(spec.features, 1)

    def forward(self, projected: Tensor, outputs: Tensor) -> Tensor:
        """The logit of each frame's confidence.

        Args:
            projected: (N, channels, H, W) float32.
            outputs: (N, 2) in [-1, 1].

        Returns:
            (N,) float32; its sigmoid is the confidence.
        """
        return self.logits(seen_of(projected, outputs))

    def logits(self, seen: Tensor) -> Tensor:
        """As `forward`, of what `seen_of` gives."""
        logits: Tensor = self.last(torch.relu(self.first(seen)))[:, 0]
        return logits
