"""A model's weights in float16, for files that are kept in a repository."""

from __future__ import annotations

import torch

from affect_core.model import AffectModel
from affect_training.errors import TrainingError


def in_float16(model: AffectModel) -> AffectModel:
    """The model, every weight rounded to float16 (relative error at most 2^-11, IEEE 754).

    Args:
        model: in float32; it changes.

    Raises:
        TrainingError: a weight is beyond float16's range.
    """
    largest = torch.finfo(torch.float16).max
    for name, value in model.state_dict().items():
        if not (value.abs() <= largest).all():
            raise TrainingError(
                f"{name} holds values beyond {largest:g}, which float16 cannot: keep the "
                "checkpoint as it is."
            )
    return model.half()
