"""What a stage trains: inputs of a batch of sequences -> arousal and valence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affect_core.model import AffectModel, TemporalModel, normalise
from affect_core.temporal import TemporalState, fully_connected


class StageNetwork(nn.Module):
    """The interface of the three below."""

    def initial_state(self, batch: int) -> TemporalState:
        """The state of sequences that have not begun."""
        raise NotImplementedError

    def forward(
        self, inputs: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """Inputs (B, T, ...), mask (B, T) bool, state -> (B, T, 2) in [-1, 1], state after."""
        raise NotImplementedError


class FrameNetwork(StageNetwork):
    """Each frame by itself: features, their mean over the map, a linear layer, tanh.

    Args:
        model: whose crops are normalised alike.
        backbone: the model's, or some of its layers; it learns.
        channels: of the backbone's features.
    """

    def __init__(self, model: AffectModel, backbone: nn.Module, channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        # Copies: Lightning moves what is registered here, and the model stays where it is.
        self.register_buffer("mean", model.mean.clone(), persistent=False)
        self.register_buffer("std", model.std.clone(), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self.head = fully_connected(channels, ())

    def initial_state(self, batch: int) -> TemporalState:
        """Nothing: frames have no past."""
        return ()

    def forward(
        self, inputs: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """Inputs (B, T, S, S, 3) uint8."""
        frames = normalise(inputs.flatten(0, 1), self.mean, self.std)
        features = self.backbone(frames).mean((2, 3))
        outputs = torch.tanh(self.head(features).float())
        return outputs.view(*inputs.shape[:2], 2), ()


class SequenceNetwork(StageNetwork):
    """Backbone and temporal model together, as they serve."""

    def __init__(self, model: AffectModel) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch: int) -> TemporalState:
        """The temporal model's."""
        return self.model.temporal.initial_state(batch)

    def forward(
        self, inputs: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """Inputs (B, T, S, S, 3) uint8."""
        # Padding stays out of the backbone, as when serving, and out of batch norm's statistics.
        features = self.model.features(inputs[mask])
        sequences = features.new_zeros((*mask.shape, *features.shape[1:]))
        sequences[mask] = features
        return _in_float32(self.model.temporal, sequences, mask, state)


class FeatureNetwork(StageNetwork):
    """The temporal model alone, over features that were computed before."""

    def __init__(self, temporal: TemporalModel) -> None:
        super().__init__()
        self.temporal = temporal

    def initial_state(self, batch: int) -> TemporalState:
        """The temporal model's."""
        return self.temporal.initial_state(batch)

    def forward(
        self, inputs: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """Inputs (B, T, C, H, H)."""
        return _in_float32(self.temporal, inputs, mask, state)


def _in_float32(
    temporal: TemporalModel, features: Tensor, mask: Tensor, state: TemporalState
) -> tuple[Tensor, TemporalState]:
    """Whatever the precision around it, as when serving."""
    with torch.autocast(features.device.type, enabled=False):
        outputs, after = temporal(features.float(), mask, state)
    return outputs, after
