"""VGG19's convolutions and the paper's peephole ConvLSTM: crops -> arousal and valence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from affect_core.spec import ArchitectureSpec, ConvLSTMSpec, ModelSpec, PreprocessSpec

_VGG19: Final = (2, 2, 4, 4, 4)
_VGG_WIDTHS: Final = (64, 128, 256, 512, 512)
BACKBONE_CHANNELS: Final = 512
BACKBONE_STRIDE: Final = 32

VALENCE: Final = 0
AROUSAL: Final = 1
"""Positions in the model's output, in the paper's order."""


class VGG19(nn.Module):
    """VGG19 without its fully connected layers (Simonyan and Zisserman 2015, table 1, E).

    Parameter names are torchvision's, so its published weights load:
    `features.0.weight` ... `features.34.bias`.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for repeats, width in zip(_VGG19, _VGG_WIDTHS, strict=True):
            for _ in range(repeats):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, 3, S, S) normalised RGB -> (N, 512, S/32, S/32)."""
        features: Tensor = self.features(frames)
        return features


class LayerState(NamedTuple):
    """A ConvLSTM layer's memory: hidden and cell, each (B, channels, H, W) float32."""

    hidden: Tensor
    cell: Tensor


TemporalState = tuple[LayerState, ...]
"""One `LayerState` for each ConvLSTM layer. Values only: a step returns a new one."""


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
        batch, steps = sequence.shape[:2]
        # The input's share of the gates does not depend on the state: all steps at once.
        from_input = self.input_conv(sequence.flatten(0, 1))
        from_input = from_input.reshape(batch, steps, *from_input.shape[1:])
        hidden, cell = state
        outputs = []
        for step in range(steps):
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

    def __init__(self, spec: ConvLSTMSpec, map_size: int) -> None:
        super().__init__()
        self.spec = spec
        self.map_size = map_size
        widths = (BACKBONE_CHANNELS, *spec.hidden_channels)
        self.layers = nn.ModuleList(
            ConvLSTMLayer(inputs, channels, spec.kernel_size, map_size)
            for inputs, channels in pairwise(widths)
        )
        pooled = math.ceil(map_size / spec.pool_size)
        sizes = (spec.hidden_channels[-1] * pooled**2, *spec.head_features)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.head = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))

    def initial_state(self, batch: int) -> TemporalState:
        """The state of `batch` tracks that have not been seen: zeros, as in the paper."""
        device = next(self.parameters()).device

        def zeros(channels: int) -> Tensor:
            size = (batch, channels, self.map_size, self.map_size)
            return torch.zeros(size, dtype=torch.float32, device=device)

        return tuple(LayerState(zeros(c), zeros(c)) for c in self.spec.hidden_channels)

    def forward(
        self, features: Tensor, mask: Tensor, state: TemporalState
    ) -> tuple[Tensor, TemporalState]:
        """(B, T, 512, H, W), (B, T) bool, state -> (B, T, 2) in [-1, 1], state after."""
        sequence = features
        after = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            sequence, layer_after = layer(sequence, mask, layer_state)
            after.append(layer_after)
        batch, steps = sequence.shape[:2]
        pooled = same_max_pool(sequence.flatten(0, 1), self.spec.pool_size)
        outputs = torch.tanh(self.head(pooled.flatten(1)))
        return outputs.reshape(batch, steps, 2), tuple(after)


class AffectModel(nn.Module):
    """Backbone and temporal model together, as a checkpoint holds them."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.backbone = build_backbone(spec.architecture)
        self.temporal = ConvLSTMHead(
            spec.architecture.temporal, spec.preprocess.crop_size // BACKBONE_STRIDE
        )
        mean, std = _normalisation(spec.preprocess)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def features(self, crops: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, 512, S/32, S/32) in the backbone's precision.

        Normalises in float32 on the crops' device.
        """
        frames = (crops.permute(0, 3, 1, 2).float() - self.mean) / self.std
        precision = next(self.backbone.parameters()).dtype
        features: Tensor = self.backbone(frames.to(precision))
        return features


def build_backbone(spec: ArchitectureSpec) -> nn.Module:
    """The backbone that the architecture names."""
    return {"vgg19": VGG19}[spec.backbone]()


def seed_parameters(model: AffectModel, seed: int) -> None:
    """Fill a model with random weights, the same for the same seed and torch version.

    Convolutions before a ReLU by He et al. 2015 (fan out, as torchvision does for VGG);
    gates and linear layers by Glorot and Bengio 2010; forget biases 1 (Jozefowicz et al.
    2015); other biases and peepholes 0.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in _layers_with_weights(model.backbone):
        nn.init.kaiming_normal_(
            layer.weight, mode="fan_out", nonlinearity="relu", generator=generator
        )
    for layer in _layers_with_weights(model.temporal):
        nn.init.xavier_uniform_(layer.weight, generator=generator)
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or ".peephole_" in name:
            nn.init.zeros_(parameter)
    for module in model.temporal.modules():
        if isinstance(module, ConvLSTMLayer) and module.input_conv.bias is not None:
            with torch.no_grad():
                module.input_conv.bias[module.channels : 2 * module.channels] = 1.0


def same_max_pool(maps: Tensor, size: int) -> Tensor:
    """Max pooling with stride `size` and 'same' padding: (N, C, H, W) -> ceil(H / size).

    The padding is split as TensorFlow's 'SAME' does, the odd row and column after the map.
    """
    height, width = maps.shape[-2:]
    down = math.ceil(height / size) * size - height
    across = math.ceil(width / size) * size - width
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    return functional.max_pool2d(functional.pad(maps, padding, value=-math.inf), size, size)


def _normalisation(spec: PreprocessSpec) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation on the scale of uint8, (3, 1, 1) each."""
    mean = torch.tensor(spec.mean, dtype=torch.float32).view(3, 1, 1) * 255
    std = torch.tensor(spec.std, dtype=torch.float32).view(3, 1, 1) * 255
    return mean, std


def _layers_with_weights(module: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.Linear):
            yield child
