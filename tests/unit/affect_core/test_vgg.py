"""VGG's layers against torchvision's, and against the published table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

# Before torchvision, which does not load beside every build of torch without it.
import affect_training.torchvision_operators  # noqa: F401
from affect_core.vgg import VGG, VGG_STRIDE, Depth, vgg_channels

DEPTHS: tuple[Depth, ...] = (11, 13, 16, 19)

# Simonyan and Zisserman 2015, table 1: widths of convolutions, block by block.
TABLE: dict[Depth, list[list[int]]] = {
    11: [[64], [128], [256] * 2, [512] * 2, [512] * 2],
    13: [[64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2],
    16: [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    19: [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}


@pytest.fixture(scope="module", params=DEPTHS)
def depth(request: pytest.FixtureRequest) -> Depth:
    chosen: Depth = request.param
    return chosen


@pytest.fixture(scope="module")
def backbone(depth: Depth) -> VGG:
    return VGG(depth).eval().requires_grad_(requires_grad=False)


def test_the_layers_are_the_table_s(depth: Depth, backbone: VGG) -> None:
    blocks: list[list[int]] = [[]]
    for layer in backbone.features:
        if isinstance(layer, nn.Conv2d):
            assert (layer.kernel_size, layer.padding) == ((3, 3), (1, 1))
            blocks[-1].append(layer.out_channels)
        elif isinstance(layer, nn.MaxPool2d):
            blocks.append([])
    assert blocks == [*TABLE[depth], []]


def test_weights_and_features_are_torchvision_s(depth: Depth, backbone: VGG) -> None:
    from torchvision import models

    with torch.device("meta"):  # its fully connected layers would take half a gigabyte
        theirs = getattr(models, f"vgg{depth}")().features
    theirs = theirs.to_empty(device="cpu").eval()
    missing = theirs.load_state_dict(
        {name.removeprefix("features."): v for name, v in backbone.state_dict().items()}
    )
    assert (missing.missing_keys, missing.unexpected_keys) == ([], [])
    frames = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features = backbone(frames)
        torch.testing.assert_close(features, theirs(frames), rtol=0, atol=1e-6)
    assert features.std() > 0


@pytest.mark.parametrize("side", [32, 63, 96])
def test_the_map_is_the_crop_over_the_stride_rounded_down(backbone: VGG, side: int) -> None:
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, side, side))
    assert features.shape == (1, vgg_channels(), side // VGG_STRIDE, side // VGG_STRIDE)


@pytest.mark.parametrize("width", [0.5, 0.25, 0.125])
def test_a_narrow_network_has_its_share_of_every_layer(depth: Depth, width: float) -> None:
    channels = [
        layer.out_channels for layer in VGG(depth, width).features if isinstance(layer, nn.Conv2d)
    ]
    assert channels == [width * published for block in TABLE[depth] for published in block]
    assert channels[-1] == vgg_channels(width)
