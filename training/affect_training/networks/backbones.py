"""Backbones by name: how each is built for training and what it becomes when it serves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import nn

from affect_core.checkpoint import graph_bytes
from affect_core.graph import GraphBackbone
from affect_core.model import seed_backbone
from affect_core.spec import GraphSpec, NarrowVGGSpec, VGGName
from affect_core.temporal import FeatureShape
from affect_core.vgg import DEPTHS, VGG, Depth
from affect_training.errors import TrainingError
from affect_training.networks.batch_norm import fold_batch_norm, with_batch_norm
from affect_training.networks.graphs import UnsupportedNetworkError, export_graph
from affect_training.networks.imagenet import DownloadError, load_imagenet
from affect_training.progress import Advance

_VGGS: Final[dict[str, tuple[VGGName, Depth]]] = {
    name: (name, depth) for name, depth in DEPTHS.items()
}


class BackboneConfig(BaseModel):
    """Which backbone is trained, and from what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "vgg19"
    """vgg11 to vgg19, or any convolutional network of timm (resnet34, resnet50, inception_v3)."""
    weights: Literal["imagenet", "random"] = "imagenet"
    batch_norm: bool = False
    """VGG from random weights: batch norm while training, folded away when it serves."""
    width: float = Field(default=1.0, ge=0.125, le=1)
    """VGG from random weights: share of the published channels that each layer has."""

    @model_validator(mode="after")
    def _changes_are_for_random_vgg(self) -> BackboneConfig:
        changed = self.batch_norm or self.width < 1
        if changed and (self.name not in _VGGS or self.weights != "random"):
            raise ValueError("batch_norm and width are for vgg11 to vgg19 from random weights")
        return self

    @property
    def depth(self) -> Depth | None:
        """Layers with weights, as VGG counts them; None of another network."""
        return _VGGS[self.name][1] if self.name in _VGGS else None


def build_backbone(config: BackboneConfig, seed: int, cache: Path, progress: Advance) -> nn.Module:
    """A backbone to train: (N, 3, S, S) normalised RGB -> (N, C, H, H).

    Args:
        config: which.
        seed: of random weights.
        cache: where downloads are kept.
        progress: called while downloading.

    Raises:
        TrainingError: no such network, or its published weights cannot be had.
    """
    vgg = _VGGS.get(config.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if vgg is None:
            return _from_timm(config)
        backbone = VGG(vgg[1], config.width)
        if config.weights == "random":
            seed_backbone(backbone, torch.default_generator)
            return with_batch_norm(backbone) if config.batch_norm else backbone
    try:
        load_imagenet(backbone, vgg[1], cache, progress)
    except DownloadError as error:
        raise TrainingError(
            f"{error} Train from scratch instead: weights: random, batch_norm: true."
        ) from error
    return backbone


def across_processes(config: BackboneConfig, backbone: nn.Module) -> nn.Module:
    """The backbone with batch norm over the batch of all processes.

    Raises:
        TrainingError: a timm network on several CPUs, where torch has no such batch norm.
    """
    if config.name in _VGGS:
        return backbone
    if not torch.cuda.is_available():
        raise TrainingError(
            f"{config.name} has batch norm, which torch synchronises between GPUs alone: train it "
            "in one process here, or choose vgg11 to vgg19."
        )
    from timm.layers import convert_sync_batchnorm  # noqa: PLC0415

    synchronised: nn.Module = convert_sync_batchnorm(backbone)
    return synchronised


def shape_of(backbone: nn.Module, crop_size: int) -> FeatureShape:
    """What a backbone gives for one crop.

    Raises:
        UnsupportedNetworkError: it gives no square feature map.
    """
    training = backbone.training
    try:
        with torch.no_grad():
            features = backbone.eval()(torch.zeros(1, 3, crop_size, crop_size))
    except (AssertionError, RuntimeError) as error:
        raise UnsupportedNetworkError(
            f"{type(backbone).__name__} does not take crops of {crop_size} pixels: {error}"
        ) from error
    backbone.train(training)
    if features.ndim != 4 or features.shape[2] != features.shape[3]:
        raise UnsupportedNetworkError(
            f"{type(backbone).__name__} gives shape {tuple(features.shape)}, no square feature "
            "map in front: choose a network like resnet34, resnet50, inception_v3, convnext_atto."
        )
    return FeatureShape(features.shape[1], features.shape[2])


def check_servable(config: BackboneConfig, backbone: nn.Module, crop_size: int) -> None:
    """See before training that what is trained can be served.

    Raises:
        UnsupportedNetworkError: it cannot be carried as a graph.
    """
    if config.name not in _VGGS:
        export_graph(backbone, crop_size)
        backbone.train()


def served_backbone(
    config: BackboneConfig, backbone: nn.Module, crop_size: int
) -> tuple[VGGName | NarrowVGGSpec | GraphSpec, nn.Module]:
    """The spec and the module that serve what `backbone` has learned."""
    if config.name in _VGGS:
        name, depth = _VGGS[config.name]
        named = name if config.width == 1 else NarrowVGGSpec(name=name, width=config.width)
        if not isinstance(backbone, nn.Sequential):
            return named, backbone.eval()
        plain = VGG(depth, config.width)
        fold_batch_norm(backbone, into=plain)
        return named, plain.eval()
    graph: GraphBackbone = export_graph(backbone, crop_size)
    shape = shape_of(graph, crop_size)
    digest = hashlib.sha256(graph_bytes(graph.graph)).hexdigest()
    spec = GraphSpec(
        name=config.name, channels=shape.channels, map_size=shape.map_size, sha256=digest
    )
    return spec, graph


def _from_timm(config: BackboneConfig) -> nn.Module:
    # Half a second that `affect-train --help` does without.
    import timm  # noqa: PLC0415

    name = config.name
    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name[:6]}*")[:8])
        raise TrainingError(f"timm has no network called {name}. Close to it: {close or 'none'}.")
    try:
        network: nn.Module = timm.create_model(
            name, pretrained=config.weights == "imagenet", num_classes=0, global_pool=""
        )
    except Exception as error:  # the hub raises what its transport raises
        raise TrainingError(
            f"{name}'s published weights cannot be had ({type(error).__name__}). "
            "Train from scratch instead: weights: random."
        ) from error
    return network
