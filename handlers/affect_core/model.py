"""Crops -> arousal and valence: a backbone and a temporal model."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from affect_core.confidence import ConfidenceHead
from affect_core.convlstm import ConvLSTMHead, ConvLSTMLayer
from affect_core.graph import Graph, GraphBackbone
from affect_core.per_frame import FrameHead
from affect_core.recurrent import RecurrentHead
from affect_core.spec import (
    ConvLSTMSpec,
    FrameSpec,
    GraphSpec,
    ModelSpec,
    PreprocessSpec,
    TemporalSpec,
)
from affect_core.temporal import FeatureShape
from affect_core.vgg import DEPTHS, VGG, VGG_STRIDE, vgg_channels

TemporalModel = ConvLSTMHead | RecurrentHead | FrameHead


class AffectModel(nn.Module):
    """Backbone and temporal model together, as a checkpoint holds them.

    Args:
        backbone: (N, 3, S, S) normalised RGB -> (N, C, H, H).
        temporal: of the shape that the backbone gives.
        preprocess: how crops are normalised.
        confidence: of what the temporal model's `project` gives; None where the weights have none.
    """

    def __init__(
        self,
        backbone: nn.Module,
        temporal: TemporalModel,
        preprocess: PreprocessSpec,
        confidence: ConfidenceHead | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.temporal = temporal
        self.confidence = confidence
        self.crop_size = preprocess.crop_size
        mean, std = _normalisation(preprocess)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def features(self, crops: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, C, H, H) in the backbone's precision.

        Normalises in float32 on the crops' device.
        """
        frames = normalise(crops, self.mean, self.std)
        precision = next(self.backbone.parameters()).dtype
        features: Tensor = self.backbone(frames.to(precision))
        return features

    def projected(self, crops: Tensor) -> Tensor:
        """As far as the model gets without a state: (N, S, S, 3) uint8 RGB -> (N, ...) float32."""
        return self.temporal.project(self.features(crops).float())


def normalise(crops: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32, by (3, 1, 1) on the scale of uint8."""
    return (crops.permute(0, 3, 1, 2).float() - mean) / std


def build_model(spec: ModelSpec, graph: Graph | None = None) -> AffectModel:
    """The model a spec describes, its weights not yet filled in.

    Args:
        spec: names the backbone.
        graph: what a `GraphSpec` stands for.
    """
    named = spec.architecture.backbone
    backbone: nn.Module
    if isinstance(named, GraphSpec):
        if graph is None:
            raise ValueError(f"backbone {named.name} needs its graph")
        backbone, shape = GraphBackbone(graph), FeatureShape(named.channels, named.map_size)
    else:
        name, width = (named, 1.0) if isinstance(named, str) else (named.name, named.width)
        backbone = VGG(DEPTHS[name], width)
        shape = FeatureShape(vgg_channels(width), spec.preprocess.crop_size // VGG_STRIDE)
    temporal = build_temporal(spec.architecture.temporal, shape)
    sure = spec.architecture.confidence
    confidence = None if sure is None else ConfidenceHead(sure, temporal.projected_channels)
    return AffectModel(backbone, temporal, spec.preprocess, confidence)


def build_temporal(spec: TemporalSpec, shape: FeatureShape) -> TemporalModel:
    """The temporal model a spec describes, over features of this shape."""
    if isinstance(spec, ConvLSTMSpec):
        return ConvLSTMHead(spec, shape)
    if isinstance(spec, FrameSpec):
        return FrameHead(spec, shape)
    return RecurrentHead(spec, shape)


def seed_parameters(model: AffectModel, seed: int) -> None:
    """Fill a model with random weights, the same for the same seed and torch version."""
    generator = torch.Generator().manual_seed(seed)
    seed_backbone(model.backbone, generator)
    seed_temporal(model.temporal, generator)
    if model.confidence is not None:
        seed_temporal(model.confidence, generator)


def seed_backbone(backbone: nn.Module, generator: torch.Generator) -> None:
    """Fill a backbone's convolutions and linear layers with random weights.

    By He et al. 2015 (fan out, as torchvision does for VGG); biases 0.
    """
    for layer in _layers_with_weights(backbone):
        nn.init.kaiming_normal_(
            layer.weight, mode="fan_out", nonlinearity="relu", generator=generator
        )
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def seed_temporal(temporal: nn.Module, generator: torch.Generator) -> None:
    """Fill a temporal model, or what stands beside it, with random weights.

    Gates and linear layers by Glorot and Bengio 2010; forget biases 1 (Jozefowicz et al.
    2015); other biases and peepholes 0.
    """
    for name, parameter in temporal.named_parameters():
        if parameter.ndim >= 2 and "peephole" not in name:
            nn.init.xavier_uniform_(parameter, generator=generator)
        else:
            nn.init.zeros_(parameter)
    with torch.no_grad():
        for module in temporal.modules():
            if isinstance(module, ConvLSTMLayer) and module.input_conv.bias is not None:
                module.input_conv.bias[module.channels : 2 * module.channels] = 1.0
            elif isinstance(module, nn.LSTM):
                for layer in range(module.num_layers):
                    bias = module.get_parameter(f"bias_ih_l{layer}")
                    bias[module.hidden_size : 2 * module.hidden_size] = 1.0


def _normalisation(spec: PreprocessSpec) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation on the scale of uint8, (3, 1, 1) each."""
    mean = torch.tensor(spec.mean, dtype=torch.float32).view(3, 1, 1) * 255
    std = torch.tensor(spec.std, dtype=torch.float32).view(3, 1, 1) * 255
    return mean, std


def _layers_with_weights(module: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.Linear):
            yield child
