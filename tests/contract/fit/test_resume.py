"""Runs that were killed go on, and end as if they had not been."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
import safetensors.torch
import torch
from torch import Tensor

from affect_training.fit import run as run_module
from affect_training.fit import trainer
from affect_training.fit.folders import StageResult
from affect_training.fit.run import CHECKPOINT_FOLDER
from affect_training.ratings.disk import replacing
from fitted import SMALL_RECIPE, fit_small, histories, recipe_of, sequences_stage

pytestmark = pytest.mark.training

WORKER = Path(__file__).parents[2] / "fit_worker.py"


def weights(run: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(run / CHECKPOINT_FOLDER / "weights.safetensors")


def test_a_run_that_was_killed_again_and_again_ends_as_one_that_was_not(
    folder: Path, results: list[StageResult]
) -> None:
    ran = subprocess.run(
        [sys.executable, WORKER, "killed", folder], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-12000:]
    assert fit_small(SMALL_RECIPE, folder, "killed") == results
    assert histories(folder / "killed") == histories(folder / "whole")
    expected, got = weights(folder / "whole" / "run"), weights(folder / "killed" / "run")
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        assert torch.equal(got[name], value), name


class KilledError(Exception):
    """Stands for a kill where the process need not end."""


def test_a_stage_that_patience_ended_is_not_trained_on_after_a_kill(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Steps too small to change anything: no epoch is better than the first.
    recipe = recipe_of(
        sequences_stage(max_epochs=9, patience=2, optimiser={"learning_rate": 1e-30})
    )
    whole = fit_small(recipe, folder, "patient")
    assert [result.epochs for result in whole] == [3]

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "finish_stage", kill)
        with pytest.raises(KilledError):
            fit_small(recipe, folder, "patient-killed")
    assert fit_small(recipe, folder, "patient-killed") == whole
    assert histories(folder / "patient-killed") == histories(folder / "patient")


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(sequences_stage(max_epochs=3))
    whole = fit_small(recipe, folder, "written")
    written: list[str] = []

    @contextmanager
    def half(path: Path) -> Iterator[BinaryIO]:
        written.append(path.name)
        with replacing(path) as file:
            yield file
            if written.count("last.ckpt") == 2:
                file.truncate(1000)
                raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "replacing", half)
        with pytest.raises(KilledError):
            fit_small(recipe, folder, "half-written")
    (kept,) = (folder / "half-written").rglob("last.ckpt")
    assert torch.load(kept, weights_only=True)["epoch"] == 0
    assert fit_small(recipe, folder, "half-written") == whole
    assert histories(folder / "half-written") == histories(folder / "written")
