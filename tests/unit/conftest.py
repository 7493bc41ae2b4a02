from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affect_core.checkpoint import Checkpoint
from affect_core.model import AffectModel, seed_parameters
from affect_core.runtime import DeviceChoice, Runtime
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance
from affect_core.types import Box, Detection, FaceCrop, TrackedFace

CropOf = Callable[[NDArray[np.uint8]], FaceCrop]


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    # Maps of 1x1 to 2x2 pixels: handing them to a second thread takes longer than the sums.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_spec() -> ModelSpec:
    return ModelSpec(
        preprocess=PreprocessSpec(crop_size=32),
        provenance=Provenance(trained_on="nothing, for tests", versions={"torch": "any"}),
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_spec: ModelSpec) -> AffectModel:
    return _seeded(tiny_spec)


@pytest.fixture(scope="session")
def tiny_runtime(tiny_spec: ModelSpec) -> Runtime:
    # A model of its own: the runtime changes the layout of the one it is given.
    checkpoint = Checkpoint(_seeded(tiny_spec), tiny_spec, "0" * 64)
    return Runtime(checkpoint, DeviceChoice.of(None))


@pytest.fixture(scope="session")
def crop_of() -> CropOf:
    face = TrackedFace(0, Detection(Box(0, 0, 32, 32), 1.0), Box(0, 0, 32, 32))
    return lambda pixels: FaceCrop(face, pixels)


def _seeded(spec: ModelSpec) -> AffectModel:
    """Seeded weights, and a temporal model whose outputs can be told apart."""
    model = AffectModel(spec)
    seed_parameters(model, 7)
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        # As seeded, peepholes are zero, where an error in them could not be seen, and outputs
        # about 1e-6: of a 7x7 kernel one tap meets a map of 1x1.
        for parameter in model.temporal.parameters():
            scale = 4 / math.sqrt(parameter.shape[1]) if parameter.ndim in {2, 4} else 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval().requires_grad_(requires_grad=False)
