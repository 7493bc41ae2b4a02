"""Backbones by name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from affect_core.checkpoint import graph_bytes
from affect_core.graph import GraphBackbone
from affect_core.model import build_model
from affect_core.spec import (
    ArchitectureSpec,
    GraphSpec,
    ModelSpec,
    NarrowVGGSpec,
    PreprocessSpec,
    Provenance,
)
from affect_core.temporal import FeatureShape
from affect_core.vgg import VGG
from affect_training.errors import TrainingError
from affect_training.networks import backbones
from affect_training.networks.backbones import (
    BackboneConfig,
    build_backbone,
    check_servable,
    served_backbone,
    shape_of,
)
from affect_training.networks.graphs import UnsupportedNetworkError
from affect_training.networks.imagenet import DownloadError


def built(cache: Path, seed: int = 1, **config: Any) -> nn.Module:
    described = BackboneConfig.model_validate({"weights": "random", **config})
    return build_backbone(described, seed, cache, lambda done, total: None)


@pytest.mark.parametrize(
    "config", [{"name": "vgg16"}, {"name": "vgg16", "batch_norm": True}, {"name": "resnet10t"}]
)
def test_the_seed_alone_decides_random_weights(config: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = built(tmp_path, **config)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    again, other = built(tmp_path, **config), built(tmp_path, 2, **config)
    differ = 0
    for name, value in first.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
        differ += not torch.equal(other.state_dict()[name], value)
    assert differ >= sum(isinstance(layer, nn.Conv2d) for layer in first.modules())


def test_random_vgg_weights_keep_the_size_of_what_flows_through(tmp_path: Path) -> None:
    # He et al. 2015 in "fan out" mode; with zero biases, not torch's default.
    for layer in built(tmp_path, name="vgg16").modules():
        if isinstance(layer, nn.Conv2d):
            wanted = (2 / (layer.out_channels * 9)) ** 0.5
            assert float(layer.weight.detach().std()) == pytest.approx(wanted, rel=0.1)
            assert layer.bias is not None
            assert not layer.bias.any()


@pytest.mark.parametrize(
    "config",
    [
        {"name": "vgg16", "batch_norm": True},
        {"name": "resnet50", "weights": "random", "batch_norm": True},
        {"name": "vgg16", "width": 0.5},
        {"name": "resnet50", "weights": "random", "width": 0.5},
    ],
)
def test_some_changes_are_for_vgg_from_random_weights(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="batch_norm and width are for"):
        BackboneConfig.model_validate(config)


def test_an_unknown_network_is_refused_with_names_that_are_close(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no network called resnet51") as raised:
        built(tmp_path, name="resnet51")
    assert "resnet50" in str(raised.value)
    with pytest.raises(TrainingError, match="none"):
        built(tmp_path, name="zzzzzz")


def test_published_weights_that_cannot_be_had_are_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise DownloadError("The file cannot be downloaded.")

    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to the hub")

    monkeypatch.setattr(backbones, "load_imagenet", unreachable)
    with pytest.raises(TrainingError, match="weights: random, batch_norm: true"):
        built(tmp_path, name="vgg19", weights="imagenet")
    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(TrainingError, match=r"resnet10t.*weights: random"):
        built(tmp_path, name="resnet10t", weights="imagenet")


@pytest.mark.parametrize(
    ("name", "side", "shape"),
    [
        ("vgg16", 96, FeatureShape(512, 3)),
        ("resnet10t", 96, FeatureShape(512, 3)),
        ("resnet10t", 65, FeatureShape(512, 3)),
        ("inception_v3", 96, FeatureShape(2048, 1)),
    ],
)
def test_the_shape_of_the_features_is_measured(
    name: str, side: int, shape: FeatureShape, tmp_path: Path
) -> None:
    network = built(tmp_path, name=name).train()
    statistics = {k: v.clone() for k, v in network.state_dict().items()}
    assert shape_of(network, side) == shape
    assert network.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, statistics[key]), key


@pytest.mark.parametrize(
    ("name", "side", "said"),
    [
        ("swin_tiny_patch4_window7_224", 224, "no square feature map.*resnet50"),
        ("swin_tiny_patch4_window7_224", 96, "does not take crops of 96 pixels"),
        ("vit_tiny_patch16_224", 224, "no square feature map.*resnet50"),
    ],
)
def test_a_network_without_a_square_map_is_refused(
    name: str, side: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedNetworkError, match=said):
        shape_of(built(tmp_path, name=name), side)


class Sorting(nn.Module):
    """A square map, made by what graphs may not call."""

    def forward(self, frames: Tensor) -> Tensor:
        return frames.sort(dim=1).values


def test_a_network_that_cannot_serve_is_refused_before_it_trains(tmp_path: Path) -> None:
    config = BackboneConfig(name="resnet10t", weights="random")
    assert shape_of(Sorting(), 64) == FeatureShape(3, 64)
    with pytest.raises(UnsupportedNetworkError, match=r"aten\.sort"):
        check_servable(config, Sorting(), 64)
    able = built(tmp_path, name="resnet10t")
    check_servable(config, able, 64)
    assert able.training


def test_a_vgg_serves_as_itself(tmp_path: Path) -> None:
    config = BackboneConfig(name="vgg16", weights="random")
    network = built(tmp_path, name="vgg16")
    named, module = served_backbone(config, network, 32)
    assert named == "vgg16"
    assert module is network


def test_a_vgg_with_batch_norm_serves_without(tmp_path: Path) -> None:
    config = BackboneConfig(name="vgg16", weights="random", batch_norm=True)
    network = built(tmp_path, name="vgg16", batch_norm=True)
    named, module = served_backbone(config, network, 32)
    assert named == "vgg16"
    assert isinstance(module, VGG)
    assert not module.training


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_narrow_vgg_serves_as_its_spec_says(tmp_path: Path, *, batch_norm: bool) -> None:
    config = BackboneConfig(name="vgg11", weights="random", batch_norm=batch_norm, width=0.25)
    network = build_backbone(config, 1, tmp_path, lambda done, total: None).eval()
    named, module = served_backbone(config, network, 64)
    assert named == NarrowVGGSpec(name="vgg11", width=0.25)
    architecture = ArchitectureSpec(backbone=named)
    assert architecture.name == "vgg11-0.25-convlstm"
    spec = ModelSpec(
        preprocess=PreprocessSpec(crop_size=64),
        architecture=architecture,
        provenance=Provenance(trained_on="nothing"),
    )
    read = ModelSpec.model_validate_json(spec.model_dump_json())
    assert read == spec
    served = build_model(read)
    served.backbone.load_state_dict(module.state_dict())
    crops = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features = served.backbone.eval()(crops)
        torch.testing.assert_close(features, network(crops), rtol=1e-4, atol=1e-5)
    assert features.shape == (2, 128, 2, 2)
    assert features.std() > 0


def test_another_network_serves_as_a_graph_that_its_spec_names(tmp_path: Path) -> None:
    config = BackboneConfig(name="resnet10t", weights="random")
    network = built(tmp_path, name="resnet10t")
    named, module = served_backbone(config, network, 64)
    assert isinstance(named, GraphSpec)
    assert isinstance(module, GraphBackbone)
    assert named.sha256 == hashlib.sha256(graph_bytes(module.graph)).hexdigest()
    assert (named.name, named.channels, named.map_size) == ("resnet10t", 512, 2)
