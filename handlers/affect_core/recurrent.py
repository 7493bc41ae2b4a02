"""The paper's comparison models: stacked LSTM or GRU layers over flattened features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from affect_core.spec import RecurrentSpec
from affect_core.temporal import FeatureShape, TemporalState, fully_connected


class RecurrentHead(nn.Module):
    """Two stacked unidirectional LSTM layers (paper, comparison models) or GRU layers.

    LSTM: Hochreiter and Schmidhuber 1997 with forget gates; GRU: Cho et al. 2014; both as
    torch writes their equations. The feature map is flattened, which loses its geometry: the
    paper's argument for ConvLSTM.
    """

    def __init__(self, spec: RecurrentSpec, shape: FeatureShape) -> None:
        super().__init__()
        self.spec = spec
        self.projected_channels = shape.channels
        """Of what `project` gives."""
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[spec.kind]
        self.cells = layer(
            shape.channels * shape.map_size**2, spec.hidden_size, spec.layers, batch_first=True
        )
        self.head = fully_connected(spec.hidden_size, spec.head_features)

    def initial_state(self, batch: int) -> TemporalState:
        """The state of `batch` tracks that have not been seen: zeros, (B, layers, hidden) each."""
        size = (batch, self.spec.layers, self.spec.hidden_size)
        device = next(self.parameters()).device
        memories = {"lstm": 2, "gru": 1}[self.spec.kind]
        return tuple(torch.zeros(size, dtype=torch.float32, device=device) for _ in range(memories))

    def forward(
        self, features: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """Run a right-padded batch of sequences.

        Args:
            features: (B, T, C, H, W) float32.
            mask: (B, T) bool, True on the first steps of each row, at least one.
            state: before the first step.

        Returns:
            (B, T, 2) in [-1, 1], where padded steps hold no meaning, and the state after.
        """
        return self.advance(features, mask, state)

    def project(self, features: Tensor) -> Tensor:
        """What depends on no state, of each frame: the features, (N, C, H, W).

        Their product with the gates' weights is 0.03 % of VGG19's, and stays with the cells.
        """
        return features

    def advance(
        self, projected: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """As `forward`, of what `project` gave."""
        steps = projected.shape[1]
        # Lengths must be on the CPU; torch's kernels stop each row at its own.
        packed = pack_padded_sequence(
            projected.flatten(2), mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        memories = tuple(memory.transpose(0, 1).contiguous() for memory in state)
        before = memories if self.spec.kind == "lstm" else memories[0]
        hidden, after = self.cells(packed, before)
        sequence, _ = pad_packed_sequence(hidden, batch_first=True, total_length=steps)
        outputs = torch.tanh(self.head(sequence))
        reached = after if self.spec.kind == "lstm" else (after,)
        return outputs, tuple(memory.transpose(0, 1).contiguous() for memory in reached)
