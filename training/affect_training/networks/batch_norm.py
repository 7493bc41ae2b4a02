"""Batch norm while a VGG trains from scratch, and none of it when it serves.

Batch norm (Ioffe and Szegedy 2015) after every convolution makes nineteen layers trainable
from random weights. In evaluation it is an affine map of each channel, which the convolution
before it takes in: the served network is plain VGG.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from affect_core.vgg import VGG
from affect_training.networks.collectives import several_processes, summed


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batch of all processes, on any device.

    torch's SyncBatchNorm needs a GPU. This one gives the numbers of a single process that
    holds the whole batch, however the maps are shared out.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, C, H, W) -> (N, C, H, W)."""
        if not (self.training and several_processes()):
            return super().forward(input)
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            raise RuntimeError("GlobalBatchNorm2d keeps running statistics with a momentum")
        maps = input.float()
        count = summed(maps.new_tensor(maps.numel() / maps.shape[1]))
        mean = summed(maps.sum((0, 2, 3))) / count
        centred = maps - mean[:, None, None]
        variance = summed(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        normal = centred * torch.rsqrt(variance + self.eps)[:, None, None]
        scaled: Tensor = normal * self.weight[:, None, None] + self.bias[:, None, None]
        return scaled.to(input.dtype)


def with_batch_norm(backbone: VGG) -> nn.Sequential:
    """The same layers with batch norm after every convolution; weights are shared."""
    layers: list[nn.Module] = []
    for layer in backbone.features:
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(GlobalBatchNorm2d(layer.out_channels))
    return nn.Sequential(*layers)


def fold_batch_norm(trained: nn.Sequential, into: VGG) -> None:
    """Fill `into` with what `trained` (from `with_batch_norm`) computes in evaluation mode."""
    folded: list[nn.Conv2d] = []
    layers = list(trained.eval())
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            folded.append(fuse_conv_bn_eval(layer, following))
    targets = [layer for layer in into.features if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for target, source in zip(targets, folded, strict=True):
            target.load_state_dict(source.state_dict())
