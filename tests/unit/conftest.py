from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affect_core.checkpoint import Checkpoint
from affect_core.engines import DeviceChoice
from affect_core.model import AffectModel
from affect_core.runtime import Runtime
from affect_core.spec import ArchitectureSpec, ModelSpec, PreprocessSpec, Provenance
from affect_core.types import Box, Detection, FaceCrop, TrackedFace
from models import SMALL, lively_model

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
        architecture=ArchitectureSpec(backbone=SMALL),
        provenance=Provenance(trained_on="nothing, for tests", versions={"torch": "any"}),
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_spec: ModelSpec) -> AffectModel:
    return lively_model(tiny_spec)


@pytest.fixture(scope="session")
def tiny_runtime(tiny_spec: ModelSpec) -> Runtime:
    # A model of its own: the runtime changes the layout of the one it is given.
    checkpoint = Checkpoint(lively_model(tiny_spec), tiny_spec, "0" * 64)
    return Runtime(checkpoint, DeviceChoice.of(None))


@pytest.fixture(scope="session")
def crop_of() -> CropOf:
    face = TrackedFace(0, Detection(Box(0, 0, 32, 32), 1.0), Box(0, 0, 32, 32))
    return lambda pixels: FaceCrop(face, pixels)
