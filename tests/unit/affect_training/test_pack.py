"""Checkpoints in float16."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from affect_core.checkpoint import WEIGHTS_FILE, load_checkpoint, save_checkpoint
from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_training.errors import TrainingError
from affect_training.pack import in_float16


def test_a_packed_checkpoint_is_half_as_large_and_loads_as_float32(
    tiny_model: AffectModel, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "whole", tiny_model, tiny_spec)
    packed = in_float16(copy.deepcopy(tiny_model))
    save_checkpoint(tmp_path / "packed", packed, tiny_spec)
    sizes = [(tmp_path / name / WEIGHTS_FILE).stat().st_size for name in ("packed", "whole")]
    assert sizes[0] == pytest.approx(sizes[1] / 2, rel=0.01)
    loaded = load_checkpoint(tmp_path / "packed")
    assert loaded.spec == tiny_spec
    for name, value in tiny_model.state_dict().items():
        read = loaded.model.state_dict()[name]
        assert read.dtype == torch.float32
        # Half a unit in the last of 11 places, and of the smallest number that is no normal one.
        error = (read - value).abs()
        assert (error <= value.abs() * 2**-11 + 2**-25).all(), name


def test_a_packed_checkpoint_that_is_saved_again_is_the_same_file(
    tiny_model: AffectModel, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    """So an archive's weights have the digest of the checkpoint that it was made from."""
    save_checkpoint(tmp_path / "packed", in_float16(copy.deepcopy(tiny_model)), tiny_spec)
    loaded = load_checkpoint(tmp_path / "packed")
    save_checkpoint(tmp_path / "again", loaded.model, loaded.spec)
    first, second = ((tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("packed", "again"))
    assert first == second


@pytest.mark.parametrize("value", [70_000.0, float("nan"), float("-inf")])
def test_what_float16_cannot_hold_is_refused(tiny_model: AffectModel, value: float) -> None:
    model = copy.deepcopy(tiny_model)
    name, parameter = next(iter(model.named_parameters()))
    with torch.no_grad():
        parameter.view(-1)[0] = value
    with pytest.raises(TrainingError, match=f"{name} holds values beyond 65504"):
        in_float16(model)
