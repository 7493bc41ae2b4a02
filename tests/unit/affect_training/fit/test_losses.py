"""Losses against float64 straight from the definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from affect_training.fit.losses import batch_loss, concordance
from affect_training.fit.recipe import LossConfig
from affect_training.networks.collectives import gathered, summed

Array = NDArray[np.float64]


def reference(config: LossConfig, outputs: Array, gold: Array) -> float:
    """Of rated rows (n, 2): paper, Training; Lin 1989 without the guard against 0 / 0."""
    loss = config.mse * ((outputs - gold) ** 2).mean()
    concordances = []
    for x, y in zip(outputs.T, gold.T, strict=True):
        apart = (x.mean() - y.mean()) ** 2
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        concordances.append(2 * covariance / (x.var() + y.var() + apart))
    return float(loss + config.ccc * (1 - np.array(concordances)).mean())


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs and gold (B, T, 2), and which are rated: at least two."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(2, 6)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rated = random.random(shape) < 0.6
    rated[0, :2] = True
    values = random.uniform(-1, 1, (2, *shape, 2))
    return (
        torch.from_numpy(values[0].astype(np.float32)),
        torch.from_numpy(values[1].astype(np.float32)),
        torch.from_numpy(rated),
    )


weights = st.tuples(st.floats(0, 3), st.floats(0, 3)).filter(any)


@given(batch=batches(), config=weights)
def test_the_loss_is_the_definitions(
    batch: tuple[Tensor, Tensor, Tensor], config: tuple[float, float]
) -> None:
    outputs, gold, rated = batch
    described = LossConfig(mse=config[0], ccc=config[1])
    got = float(batch_loss(described, outputs, gold, rated))
    expected = reference(described, outputs[rated].double().numpy(), gold[rated].double().numpy())
    assert got == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(batch=batches(), filler=st.sampled_from([0.0, 9.0, float("nan"), float("inf")]))
def test_what_is_not_rated_does_not_matter(
    batch: tuple[Tensor, Tensor, Tensor], filler: float
) -> None:
    outputs, gold, rated = batch
    config = LossConfig(mse=1, ccc=1)
    expected = batch_loss(config, outputs, gold, rated)
    other = torch.where(rated[..., None], gold, torch.tensor(filler))
    moved = torch.where(rated[..., None], outputs, outputs / 2).requires_grad_()
    loss = batch_loss(config, moved, other, rated)
    assert torch.equal(loss.detach(), expected)
    torch.autograd.backward(loss)
    assert moved.grad is not None
    assert moved.grad[~rated].eq(0).all()
    assert moved.grad.isfinite().all()


@given(batch=batches())
def test_the_gradient_is_the_slope(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    outputs, gold, rated = batch
    config = LossConfig(mse=0.7, ccc=0.9)
    moving = outputs.clone().requires_grad_()
    torch.autograd.backward(batch_loss(config, moving, gold, rated))
    assert moving.grad is not None
    direction = np.random.default_rng(1).normal(size=outputs.shape)
    step = 1e-6
    ends = [
        reference(
            config,
            (outputs.double().numpy() + sign * step * direction)[rated.numpy()],
            gold[rated].double().numpy(),
        )
        for sign in (1, -1)
    ]
    slope = (ends[0] - ends[1]) / (2 * step)
    assert float((moving.grad.double().numpy() * direction).sum()) == pytest.approx(
        slope, rel=1e-3, abs=1e-3
    )


def test_a_batch_without_ratings_gives_zero_and_no_gradient() -> None:
    outputs = torch.full((2, 3, 2), 0.3, requires_grad=True)
    gold = torch.full((2, 3, 2), torch.nan)
    rated = torch.zeros(2, 3, dtype=torch.bool)
    loss = batch_loss(LossConfig(mse=1, ccc=1), outputs, gold, rated)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_concordance_of_equals_is_one_and_of_opposites_minus_one() -> None:
    values = torch.tensor([[0.5, -0.2], [-0.5, 0.2], [0.1, 0.3], [-0.1, -0.3]])
    torch.testing.assert_close(concordance(values, values), torch.ones(2))
    torch.testing.assert_close(concordance(-values, values), -torch.ones(2))


@pytest.mark.parametrize("gold", [0.0, 0.4])
def test_constant_columns_have_a_finite_loss_and_gradient(gold: float) -> None:
    outputs = torch.zeros(1, 4, 2, requires_grad=True)
    rated = torch.ones(1, 4, dtype=torch.bool)
    loss = batch_loss(LossConfig(ccc=1), outputs, torch.full((1, 4, 2), gold), rated)
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()


def test_one_process_gathers_what_it_has() -> None:
    tensor = torch.ones(2)
    assert gathered(tensor) is tensor
    assert summed(tensor) is tensor
