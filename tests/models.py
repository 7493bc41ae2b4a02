"""Models for the tests."""

from __future__ import annotations

import math

import torch

from affect_core.engine_plan import CpuPrecision, PrecisionCheck
from affect_core.model import AffectModel, build_model, seed_parameters
from affect_core.spec import ModelSpec, NarrowVGGSpec

SMALL = NarrowVGGSpec(name="vgg19", width=0.125)
"""All of VGG19's layers with an eighth of their channels: 1.3 MB instead of 80."""


def lively_model(spec: ModelSpec) -> AffectModel:
    """Seeded weights, and a temporal model whose outputs can be told apart.

    As seeded, outputs on crops of 32 pixels are about 1e-6 (of a 7x7 kernel one tap meets a map
    of 1x1), where no comparison could fail, and peepholes are zero. At a gain of 3 they vary
    by 0.4 over carphone and float32 rounding moves them by 1e-6; at 4 the recurrence
    is chaotic and multiplies rounding to 1.4e-5.
    """
    model = build_model(spec)
    seed_parameters(model, 7)
    # Other seeds drive this or that backbone's outputs to the ends of their range.
    narrow = isinstance(spec.architecture.backbone, NarrowVGGSpec)
    generator = torch.Generator().manual_seed(9 if narrow else 8)
    with torch.no_grad():
        for parameter in model.temporal.parameters():
            scale = 3 / math.sqrt(parameter.shape[1]) if parameter.ndim in {2, 4} else 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval().requires_grad_(requires_grad=False)


def precision_check(
    precision: CpuPrecision, mean_error: float = 0.0, ccc: float | None = None
) -> PrecisionCheck:
    """As an export writes it; as given it passes."""
    return PrecisionCheck(
        precision=precision,
        engine="openvino 1",
        crops=10,
        crops_from="noise",
        mean_error=mean_error,
        max_error=max(mean_error, 0.1),
        ccc=ccc,
    )
