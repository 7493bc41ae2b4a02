"""How sure the model is: the network's own arithmetic, and its way through a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from affect_core.confidence import ConfidenceHead
from affect_core.engines import DeviceChoice
from affect_core.inference import infer
from affect_core.runtime import Runtime
from affect_core.session import TrackMemory
from affect_core.spec import (
    ArchitectureSpec,
    ConfidenceSpec,
    FrameSpec,
    ModelSpec,
    RecurrentSpec,
)
from affect_core.types import Box, Detection, FaceAffect, FaceCrop, TrackedFace
from models import lively_model

SPECS = (
    ArchitectureSpec(confidence=ConfidenceSpec(features=5)),
    ArchitectureSpec(confidence=ConfidenceSpec(), temporal=RecurrentSpec(kind="gru")),
    ArchitectureSpec(confidence=ConfidenceSpec(), temporal=FrameSpec(kind="frame")),
)


def runtime_of(tiny_spec: ModelSpec, architecture: ArchitectureSpec) -> Runtime:
    spec = tiny_spec.model_copy(update={"architecture": architecture})
    return Runtime(Checkpoint(lively_model(spec), spec, "0" * 64), DeviceChoice.of(None))


def test_it_is_two_layers_over_the_map_s_mean_and_the_outputs() -> None:
    torch.manual_seed(5)
    head = ConfidenceHead(ConfidenceSpec(features=3), channels=4)
    maps, outputs = torch.randn(6, 4, 2, 2), torch.rand(6, 2) * 2 - 1
    first, last = head.first, head.last
    seen = np.concatenate([maps.double().numpy().mean((2, 3)), outputs.double().numpy()], axis=1)
    hidden = seen @ first.weight.detach().double().numpy().T + first.bias.detach().double().numpy()
    wanted = np.maximum(hidden, 0) @ last.weight.detach().double().numpy().T
    wanted += last.bias.detach().double().numpy()
    np.testing.assert_allclose(head(maps, outputs).detach().numpy(), wanted[:, 0], atol=1e-5)


@pytest.mark.parametrize("architecture", SPECS)
def test_each_crop_has_one_and_company_does_not_change_it(
    architecture: ArchitectureSpec,
    tiny_spec: ModelSpec,
    crop_of: Callable[[NDArray[np.uint8]], FaceCrop],
) -> None:
    runtime = runtime_of(tiny_spec, architecture)
    random = np.random.default_rng(3)
    crops = [crop_of(random.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(5)]
    memories = [TrackMemory() for _ in crops]
    together = infer(runtime, memories, [0.0] * 5, crops).confidences
    alone = [infer(runtime, [TrackMemory()], [0.0], [crop]).confidences[0] for crop in crops]
    assert all(sure is not None and 0 < sure < 1 for sure in together)
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == 5


def test_weights_without_it_say_nothing(
    tiny_runtime: Runtime, crop_of: Callable[[NDArray[np.uint8]], FaceCrop]
) -> None:
    crop = crop_of(np.zeros((32, 32, 3), np.uint8))
    assert infer(tiny_runtime, [TrackMemory()], [0.0], [crop]).confidences == [None]


def test_a_checkpoint_keeps_it(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    spec = tiny_spec.model_copy(update={"architecture": SPECS[0]})
    model = lively_model(spec)
    save_checkpoint(tmp_path, model, spec)
    kept = load_checkpoint(tmp_path).model.confidence
    assert kept is not None
    assert model.confidence is not None
    assert all(map(torch.equal, kept.parameters(), model.confidence.parameters()))


@settings(max_examples=50)
@given(st.floats(allow_nan=True).filter(lambda x: not 0 <= x <= 1))
def test_outside_its_range_it_is_a_defect(sure: float) -> None:
    face = TrackedFace(0, Detection(Box(0, 0, 32, 32), 1.0), Box(0, 0, 32, 32))
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        FaceAffect(face, arousal=0.0, valence=0.0, confidence=sure)
