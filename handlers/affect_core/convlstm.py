"""The paper's temporal model: stacked ConvLSTM layers with peepholes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from affect_core.spec import ConvLSTMSpec
from affect_core.temporal import FeatureShape, TemporalState, fully_connected


class LayerState(NamedTuple):
    """A ConvLSTM layer's memory: hidden and cell, each (B, channels, H, W) float32."""

    hidden: Tensor
    cell: Tensor


class ConvLSTMLayer(nn.Module):
    """One ConvLSTM layer with peepholes (Shi et al. 2015, equation 3; paper, Model 2).

    With * a 'same' convolution and o the elementwise product:

        i_t = sigma(W_xi * X_t + W_hi * H_{t-1} + W_ci o C_{t-1} + b_i)
        f_t = sigma(W_xf * X_t + W_hf * H_{t-1} + W_cf o C_{t-1} + b_f)
        C_t = f_t o C_{t-1} + i_t o tanh(W_xc * X_t + W_hc * H_{t-1} + b_c)
        o_t = sigma(W_xo * X_t + W_ho * H_{t-1} + W_co o C_t + b_o)
        H_t = o_t o tanh(C_t)

    Gates are stacked in the order i, f, c, o along the channels of `input_conv` (W_x., b_.)
    and `state_conv` (W_h.). Peephole weights have the state's shape, which fixes the size of
    the feature map.
    """

    def __init__(self, inputs: int, channels: int, kernel_size: int, map_size: int) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.channels = channels
        self.input_conv = nn.Conv2d(inputs, 4 * channels, kernel_size, padding=padding)
        self.state_conv = nn.Conv2d(
            channels, 4 * channels, kernel_size, padding=padding, bias=False
        )
        self.peephole_i = nn.Parameter(torch.zeros(channels, map_size, map_size))
        self.peephole_f = nn.Parameter(torch.zeros(channels, map_size, map_size))
        self.peephole_o = nn.Parameter(torch.zeros(channels, map_size, map_size))

    def forward(
        self, sequence: Tensor, mask: Tensor, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Run a padded batch of sequences.

        Args:
            sequence: (B, T, inputs, H, W) float32.
            mask: (B, T) bool; a step that is False leaves its state as it was.
            state: before the first step, (B, channels, H, W) each.

        Returns:
            Hidden states (B, T, channels, H, W), and the state after the last step.
        """
        return self.advance(self.project(sequence), mask, state)

    def project(self, sequence: Tensor) -> Tensor:
        """The input's share of the gates, which depends on no state: all steps at once.

        (B, T, inputs, H, W) -> (B, T, 4 channels, H, W).
        """
        from_input: Tensor = self.input_conv(sequence.flatten(0, 1))
        return from_input.reshape(*sequence.shape[:2], *from_input.shape[1:])

    def advance(
        self, from_input: Tensor, mask: Tensor, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """As `forward`, of what `project` gave."""
        hidden, cell = state
        outputs = []
        for step in range(from_input.shape[1]):
            gates = from_input[:, step] + self.state_conv(hidden)
            gate_i, gate_f, gate_c, gate_o = gates.chunk(4, dim=1)
            input_gate = torch.sigmoid(gate_i + self.peephole_i * cell)
            forget_gate = torch.sigmoid(gate_f + self.peephole_f * cell)
            new_cell = forget_gate * cell + input_gate * torch.tanh(gate_c)
            output_gate = torch.sigmoid(gate_o + self.peephole_o * new_cell)
            new_hidden = output_gate * torch.tanh(new_cell)
            valid = mask[:, step, None, None, None]
            hidden = torch.where(valid, new_hidden, hidden)
            cell = torch.where(valid, new_cell, cell)
            outputs.append(hidden)
        return torch.stack(outputs, dim=1), LayerState(hidden, cell)


class ConvLSTMHead(nn.Module):
    """Stacked ConvLSTM layers, 'same' max pooling, fully connected layers, tanh."""

    def __init__(self, spec: ConvLSTMSpec, shape: FeatureShape) -> None:
        super().__init__()
        self.spec = spec
        self.map_size = shape.map_size
        widths = (shape.channels, *spec.hidden_channels)
        self.layers = nn.ModuleList(
            ConvLSTMLayer(inputs, channels, spec.kernel_size, shape.map_size)
            for inputs, channels in pairwise(widths)
        )
        pooled = math.ceil(shape.map_size / spec.pool_size)
        self.head = fully_connected(spec.hidden_channels[-1] * pooled**2, spec.head_features)

    @property
    def projected_channels(self) -> int:
        """Of what `project` gives."""
        return 4 * self.spec.hidden_channels[0]

    @property
    def _cells(self) -> list[ConvLSTMLayer]:
        return [layer for layer in self.layers if isinstance(layer, ConvLSTMLayer)]

    def initial_state(self, batch: int) -> TemporalState:
        """The state of `batch` tracks that have not been seen: zeros, as in the paper."""
        device = next(self.parameters()).device
        sizes = [(batch, c, self.map_size, self.map_size) for c in self.spec.hidden_channels]
        return tuple(
            torch.zeros(size, dtype=torch.float32, device=device) for size in sizes for _ in "hc"
        )

    def forward(
        self, features: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """(B, T, C, H, W), (B, T) bool, state -> (B, T, 2) in [-1, 1], state after."""
        return self.advance(self._cells[0].project(features), mask, state)

    def project(self, features: Tensor) -> Tensor:
        """What depends on no state, of each frame: (N, C, H, W) -> (N, 4 channels, H, W)."""
        return self._cells[0].project(features[None])[0]

    def advance(
        self, projected: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """As `forward`, of what `project` gave: (B, T, 4 channels, H, W)."""
        batch, steps = mask.shape
        memories = [LayerState(*pair) for pair in zip(state[::2], state[1::2], strict=True)]
        first, *others = self._cells
        sequence, first_after = first.advance(projected, mask, memories[0])
        after = [*first_after]
        for layer, before in zip(others, memories[1:], strict=True):
            sequence, layer_after = layer(sequence, mask, before)
            after += layer_after
        pooled = same_max_pool(sequence.flatten(0, 1), self.spec.pool_size)
        outputs = torch.tanh(self.head(pooled.flatten(1)))
        return outputs.reshape(batch, steps, 2), tuple(after)


def same_max_pool(maps: Tensor, size: int) -> Tensor:
    """Max pooling with stride `size` and 'same' padding: (N, C, H, W) -> ceil(H / size).

    The padding is split as TensorFlow's 'SAME' does, the odd row and column after the map.
    """
    height, width = maps.shape[-2:]
    down = math.ceil(height / size) * size - height
    across = math.ceil(width / size) * size - width
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    return functional.max_pool2d(functional.pad(maps, padding, value=-math.inf), size, size)
