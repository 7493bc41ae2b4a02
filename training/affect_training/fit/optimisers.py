"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from affect_training.fit.recipe import OptimiserConfig


def build_optimiser(config: OptimiserConfig, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimiser that the recipe names (paper, Training: SGD, Adam and RMSProp compared)."""
    rate, decay = config.learning_rate, config.weight_decay
    match config.name:
        case "sgd":
            return SGD(parameters, rate, momentum=0.9, weight_decay=decay)
        case "adam":
            return Adam(parameters, rate, weight_decay=decay)
        case "rmsprop":
            return RMSprop(parameters, rate, weight_decay=decay)
        case "adamw":
            return AdamW(parameters, rate, weight_decay=decay)


def build_schedule(config: OptimiserConfig, optimiser: Optimizer, steps: int) -> LambdaLR:
    """The learning rate over `steps` steps: a linear warm-up, then constant or half a cosine."""

    def factor(step: int) -> float:
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        if config.schedule == "constant":
            return 1.0
        progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    return LambdaLR(optimiser, factor)
