"""What a run keeps on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from affect_core.spec import PreprocessSpec
from affect_training.errors import DataError, TrainingError
from affect_training.fit.folders import (
    RunDescription,
    RunResult,
    StageResult,
    claim,
    finish_run,
    finish_stage,
    finished_run,
    finished_stage,
)
from fitted import recipe_of, sequences_stage

STAGE = StageResult(stage="sequences", val_ccc=0.5, epochs=3)


@pytest.fixture
def described() -> RunDescription:
    return RunDescription(
        recipe=recipe_of(sequences_stage()),
        index_sha256="ab" * 32,
        frames_index_sha256="cd" * 32,
        preprocess=PreprocessSpec(crop_size=32),
        trained_on="nothing, for tests",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": recipe_of(sequences_stage(), seed=1)},
        {"index_sha256": "cd" * 32},
        {"preprocess": PreprocessSpec(crop_size=32, mean=(0.5, 0.5, 0.5))},
        {"trained_on": "something"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_folder_belongs_to_one_run(
    change: dict[str, Any], described: RunDescription, tmp_path: Path
) -> None:
    claim(tmp_path / "run", described)
    claim(tmp_path / "run", described)
    with pytest.raises(TrainingError, match=r"run holds another run \(small\).*another folder"):
        claim(tmp_path / "run", described.model_copy(update=change))


def test_a_damaged_description_is_named(described: RunDescription, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"{")
    with pytest.raises(TrainingError, match=r"run\.json is damaged"):
        claim(tmp_path, described)


def test_a_finished_stage_has_its_weights_and_result_alone(tmp_path: Path) -> None:
    learned, again = nn.Linear(2, 3), nn.Linear(2, 3)
    (tmp_path / "last.ckpt").write_bytes(b"")
    assert finished_stage(tmp_path, again) is None
    finish_stage(tmp_path, learned, STAGE)
    assert finished_stage(tmp_path, again) == STAGE
    for name, value in learned.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert {path.name for path in tmp_path.iterdir()} == {"weights.safetensors", "done.json"}


def test_a_stage_that_finds_the_disk_full_can_be_taken_up_again(
    tmp_path: Path, full_disk: None
) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.raises(DataError, match=r"weights\.safetensors cannot be written: No space left"):
        finish_stage(tmp_path, nn.Linear(2, 3), STAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_folder_on_a_full_disk_is_named(
    described: RunDescription, tmp_path: Path, full_disk: None
) -> None:
    with pytest.raises(DataError, match=r"recipe\.yaml cannot be written: No space left"):
        claim(tmp_path, described)


def test_a_finished_run_is_known_by_what_it_was(described: RunDescription, tmp_path: Path) -> None:
    assert finished_run(tmp_path) is None
    result = RunResult(described=described, stages=(STAGE,), weights_sha256="ef" * 32)
    finish_run(tmp_path, result)
    assert finished_run(tmp_path) == result
    (tmp_path / "done.json").write_bytes(b"{}")
    assert finished_run(tmp_path) is None
