"""Validation in pieces against whole tracks and against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from affect_core.recurrent import RecurrentHead
from affect_core.spec import RecurrentSpec
from affect_core.temporal import FeatureShape
from affect_training.fit.data import Batch
from affect_training.fit.module import AffectModule
from affect_training.fit.networks import FeatureNetwork
from affect_training.fit.recipe import SequencesStage
from fitted import sequences_stage

LENGTHS = (150, 64, 65, 3)


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def module() -> AffectModule:
    head = RecurrentHead(RecurrentSpec(kind="lstm", hidden_size=6), FeatureShape(4, 1))
    with torch.no_grad():
        for number, parameter in enumerate(head.parameters()):
            parameter.copy_(noise(*parameter.shape, seed=number))
    return AffectModule(FeatureNetwork(head), SequencesStage.model_validate(sequences_stage()))


@pytest.fixture(scope="module")
def batch() -> Batch:
    steps = max(LENGTHS)
    mask = torch.arange(steps) < torch.tensor(LENGTHS)[:, None]
    rated = mask & (noise(4, steps, seed=1) > -0.5)
    gold = torch.tanh(noise(4, steps, 2, seed=2)) * rated[..., None]
    return Batch(noise(4, steps, 4, 1, 1, seed=3), mask, rated, gold)


def test_tracks_longer_than_a_piece_are_validated_as_wholes(
    module: AffectModule, batch: Batch
) -> None:
    predicted, gold = [], []
    with torch.inference_mode():
        for row, length in enumerate(LENGTHS):
            one = slice(row, row + 1)
            outputs, _ = module.network(
                batch.inputs[one, :length],
                batch.mask[one, :length],
                module.network.initial_state(1),
            )
            rated = batch.rated[row, :length]
            predicted.append(outputs[0][rated].double().numpy())
            gold.append(batch.gold[row, :length][rated].double().numpy())
        module.validation_step(batch, 0)
    x, y = np.concatenate(predicted), np.concatenate(gold)
    errors = ((x - y) ** 2).mean(0)
    covariance = ((x - x.mean(0)) * (y - y.mean(0))).mean(0)
    ccc = 2 * covariance / (x.var(0) + y.var(0) + (x.mean(0) - y.mean(0)) ** 2)
    assert np.ptp(x) > 0.3
    np.testing.assert_allclose(module._val_errors.compute().numpy(), errors, rtol=1e-5)
    # torchmetrics' CCC has variances over n - 1.
    np.testing.assert_allclose(module._val_ccc.compute().numpy(), ccc, rtol=0, atol=1e-3)


def test_only_what_learns_is_optimised(module: AffectModule) -> None:
    network = module.network
    frozen = next(network.parameters())
    frozen.requires_grad = False
    configured = module.configure_optimizers()
    assert isinstance(configured, dict)
    (group,) = configured["optimizer"].param_groups
    assert len(group["params"]) == len(list(network.parameters())) - 1
    assert not any(parameter is frozen for parameter in group["params"])
    frozen.requires_grad = True
