"""Optimisers and schedules by name."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from affect_training.fit.optimisers import build_optimiser, build_schedule
from affect_training.fit.recipe import OptimiserConfig


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", torch.optim.SGD),
        ("adam", torch.optim.Adam),
        ("rmsprop", torch.optim.RMSprop),
        ("adamw", torch.optim.AdamW),
    ],
)
def test_the_name_picks_the_optimiser_and_its_numbers(name: str, kind: type) -> None:
    config = OptimiserConfig.model_validate(
        {"name": name, "learning_rate": 0.02, "weight_decay": 0.3}
    )
    optimiser = build_optimiser(config, [nn.Parameter(torch.ones(2))])
    assert type(optimiser) is kind
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.3)


def rates(config: OptimiserConfig, steps: int) -> list[float]:
    """The learning rate of each step."""
    optimiser = build_optimiser(config, [nn.Parameter(torch.ones(2))])
    schedule = build_schedule(config, optimiser, steps)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_a_constant_rate_stays() -> None:
    assert rates(OptimiserConfig(learning_rate=0.5), 5) == [0.5] * 5


def test_a_warm_up_rises_evenly_to_the_rate() -> None:
    got = rates(OptimiserConfig(learning_rate=0.5, warmup_steps=4), 6)
    assert got == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("warmup", [0, 3])
def test_half_a_cosine_falls_from_the_rate_towards_nothing(warmup: int) -> None:
    config = OptimiserConfig(learning_rate=2.0, schedule="cosine", warmup_steps=warmup)
    got = rates(config, 13)[warmup:]
    count = 13 - warmup
    assert got == pytest.approx([1 + math.cos(math.pi * n / count) for n in range(count)])
    assert all(rate > 0 for rate in got)
