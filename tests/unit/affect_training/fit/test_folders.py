"""What a run keeps on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from affect_core.spec import PreprocessSpec
from affect_training.errors import TrainingError
from affect_training.fit.folders import (
    RunDescription,
    RunResult,
    StageResult,
    claim,
    finish_run,
    finished_run,
)
from fitted import recipe_of, sequences_stage


@pytest.fixture
def described() -> RunDescription:
    return RunDescription(
        recipe=recipe_of(sequences_stage()),
        index_sha256="ab" * 32,
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


def test_a_finished_run_is_known_by_what_it_was(described: RunDescription, tmp_path: Path) -> None:
    assert finished_run(tmp_path) is None
    stage = StageResult(stage="sequences", val_ccc=0.5, epochs=3)
    result = RunResult(described=described, stages=(stage,), weights_sha256="ef" * 32)
    finish_run(tmp_path, result)
    assert finished_run(tmp_path) == result
    (tmp_path / "done.json").write_bytes(b"{}")
    assert finished_run(tmp_path) is None
