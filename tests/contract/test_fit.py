"""Whole runs: what they leave, how they go on after a kill, and how processes share them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.graph import GraphBackbone
from affect_training.dataset.lock import only_run
from affect_training.dataset.prepared import open_prepared
from affect_training.errors import DataError, TrainingError
from affect_training.fit import run as run_module
from affect_training.fit.data import gold_of
from affect_training.fit.folders import BACKBONES_FOLDER, RECIPE_FILE, StageResult, stage_folder
from affect_training.fit.history import COLUMNS, HISTORY_FILE
from affect_training.fit.recipe import read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER
from affect_training.fit.stages import FEATURES_FOLDER
from affect_training.networks.backbones import build_backbone
from fitted import (
    SHARED,
    SMALL_RECIPE,
    STEADY,
    Losses,
    MadeTrack,
    Uneven,
    fit_small,
    frames_stage,
    make_prepared,
    recipe_of,
    sequences_stage,
)

pytestmark = pytest.mark.training

WORKER = Path(__file__).parents[1] / "fit_worker.py"


@pytest.fixture(scope="module", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    # As the processes that are compared with this one; sums are then equal to the bit.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`prepared` in it is a prepared set; runs lie beside it."""
    made = tmp_path_factory.mktemp("fit")
    make_prepared(made / "prepared")
    return made


@pytest.fixture(scope="module")
def results(folder: Path) -> list[StageResult]:
    """Of the run `whole`: nobody disturbed it."""
    return fit_small(SMALL_RECIPE, folder, "whole")


def histories(runs: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of each stage's history without the seconds, by the stage's folder."""
    found = {}
    for path in runs.rglob(HISTORY_FILE):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(tuple(row) == COLUMNS for row in rows)
        found[path.parent.name] = [{k: v for k, v in r.items() if k != "seconds"} for r in rows]
    return found


def weights(run: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(run / CHECKPOINT_FOLDER / "weights.safetensors")


def contents(runs: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}


# A run from beginning to end.


def test_a_run_finishes_and_leaves_its_recipe_and_curves(
    folder: Path, results: list[StageResult]
) -> None:
    stages = ["frames", "more", "sequences", "joint"]
    assert [result.stage for result in results] == stages
    assert [result.epochs for result in results] == [2, 2, 3, 2]
    assert read_recipe(folder / "whole" / "run" / RECIPE_FILE) == SMALL_RECIPE
    rows = histories(folder / "whole")
    assert sorted(rows) == [f"{number}-{name}" for number, name in enumerate(stages)]
    for result, stage in zip(results, sorted(rows), strict=True):
        assert [row["epoch"] for row in rows[stage]] == [str(n) for n in range(result.epochs)]
        best = max(float(row["val_ccc"]) for row in rows[stage])
        assert best == pytest.approx(result.val_ccc, abs=1e-7)
        for row in rows[stage]:
            both = (float(row["val_ccc_valence"]) + float(row["val_ccc_arousal"])) / 2
            assert float(row["val_ccc"]) == pytest.approx(both, abs=1e-7)
            assert 0 < float(row["train_loss"]) < 4
    assert list((folder / "whole").rglob("*.ckpt")) == []
    assert list((folder / "whole").rglob("*.part*")) == []


@pytest.fixture(scope="module")
def checkpoint(folder: Path, results: list[StageResult]) -> Checkpoint:
    return load_checkpoint(folder / "whole" / "run" / CHECKPOINT_FOLDER)


def test_the_checkpoint_serves_and_says_what_it_learned_from(checkpoint: Checkpoint) -> None:
    assert isinstance(checkpoint.model.backbone, GraphBackbone)
    assert checkpoint.spec.architecture.name == "resnet10t-lstm"
    assert checkpoint.spec.preprocess.crop_size == 32
    assert checkpoint.spec.provenance.trained_on == "nothing, for tests"
    assert {"torch", "pytorch-lightning"} <= set(checkpoint.spec.provenance.versions)


def test_the_served_model_has_the_validation_ccc_that_the_last_stage_reports(
    folder: Path, results: list[StageResult], checkpoint: Checkpoint
) -> None:
    prepared = open_prepared(folder / "prepared")
    predicted, gold = [], []
    for track in prepared.tracks("validation"):
        crops = torch.from_numpy(prepared.read_crops(track, 0, len(track)))
        with torch.inference_mode():
            features = checkpoint.model.features(crops)[None]
            mask = torch.ones(features.shape[:2], dtype=torch.bool)
            state = checkpoint.model.temporal.initial_state(1)
            outputs, _ = checkpoint.model.temporal(features, mask, state)
        wanted = gold_of(track)
        rated = ~wanted.isnan().any(-1)
        predicted.append(outputs[0][rated].double().numpy())
        gold.append(wanted[rated].double().numpy())
    x, y = np.concatenate(predicted), np.concatenate(gold)
    covariance = ((x - x.mean(0)) * (y - y.mean(0))).mean(0)
    ccc = 2 * covariance / (x.var(0) + y.var(0) + (x.mean(0) - y.mean(0)) ** 2)
    assert results[-1].val_ccc == pytest.approx(ccc.mean(), abs=1e-4)


def test_a_second_start_does_nothing(
    folder: Path, results: list[StageResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a stage was trained again")

    monkeypatch.setattr(run_module, "run_stage", refuse)
    before = contents(folder / "whole")
    assert fit_small(SMALL_RECIPE, folder, "whole") == results
    assert contents(folder / "whole") == before


def test_a_folder_that_holds_another_run_is_refused(
    folder: Path, results: list[StageResult]
) -> None:
    before = contents(folder / "whole")
    other = SMALL_RECIPE.model_copy(update={"seed": 1})
    with pytest.raises(TrainingError, match="holds another run"):
        fit_small(other, folder, "whole")
    assert contents(folder / "whole") == before


def test_a_run_with_another_temporal_model_shares_the_backbone(
    folder: Path, results: list[StageResult]
) -> None:
    before = contents(folder / "whole" / BACKBONES_FOLDER)
    frames = [stage.model_dump() for stage in SMALL_RECIPE.stages[:2]]
    recipe = recipe_of(
        *frames, sequences_stage(), temporal={"kind": "convlstm", "hidden_channels": [2]}
    )
    run = folder / "whole" / "other"
    shared = run_module.fit(
        recipe, folder / "prepared", run, trained_on="nothing", cache=folder / "cache"
    )
    assert shared[:2] == results[:2]
    assert contents(folder / "whole" / BACKBONES_FOLDER) == before
    # Its features of the frozen backbone were there: the same ones serve every temporal model.
    made = list((folder / "whole" / FEATURES_FOLDER).iterdir())
    assert len(made) == 3
    assert load_checkpoint(run / CHECKPOINT_FOLDER).spec.architecture.name == "resnet10t-convlstm"


# Exact resume.


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
        patch.setattr(run_module, "finish", kill)
        with pytest.raises(KilledError):
            fit_small(recipe, folder, "patient-killed")
    assert fit_small(recipe, folder, "patient-killed") == whole
    assert histories(folder / "patient-killed") == histories(folder / "patient")


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(sequences_stage(max_epochs=3))
    whole = fit_small(recipe, folder, "written")
    write = TorchCheckpointIO.save_checkpoint

    def half(self: Any, checkpoint: dict[str, Any], path: Path, options: Any = None) -> None:
        if checkpoint["epoch"] == 1 and "last" in Path(path).name:
            Path(path).write_bytes(b"PK half a checkpoint")
            raise KilledError
        write(self, checkpoint, path, options)

    with monkeypatch.context() as patch:
        patch.setattr(TorchCheckpointIO, "save_checkpoint", half)
        with pytest.raises(KilledError):
            fit_small(recipe, folder, "half-written")
    assert fit_small(recipe, folder, "half-written") == whole
    assert histories(folder / "half-written") == histories(folder / "written")


# Two processes.


@pytest.fixture(scope="module")
def two(folder: Path) -> dict[str, Any]:
    """What two processes found; their run is `shared`."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [sys.executable, *command, WORKER, "shared", folder],
        capture_output=True,
        timeout=240,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-12000:]
    found: dict[str, Any] = json.loads((folder / "shared.json").read_text())
    return found


def test_gradients_of_two_processes_are_those_of_one(two: dict[str, Any]) -> None:
    # The reference: torch's own batch norm over all items, in float64.
    single = Uneven().double()
    single.frames, single.gold = single.frames.double(), single.gold.double()
    norm = nn.BatchNorm2d(6).double()
    norm.load_state_dict(single.layers[1].state_dict())
    single.layers[1] = norm
    torch.autograd.backward(single.loss(0, 1))
    expected = single.gradients()
    assert max(map(abs, expected)) > 0.05
    np.testing.assert_allclose(two["gradients"], expected, rtol=0, atol=1e-6)


def test_two_processes_train_as_one(folder: Path, two: dict[str, Any]) -> None:
    losses = Losses()
    results = fit_small(SHARED, folder, "single", [losses])
    counts = {stage: len(values) for stage, values in losses.by_stage.items()}
    assert counts == {"frames": 20, "sequences": 4, "joint": 2}
    for stage, values in losses.by_stage.items():
        # Batch norm over maps of 2x2 multiplies roundings: after 20 steps a change of all
        # weights by 6e-8 moves one process's own loss by 1e-3.
        np.testing.assert_allclose(two["losses"][stage][:5], values[:5], rtol=0, atol=1e-4)
        np.testing.assert_allclose(two["losses"][stage], values, rtol=0, atol=1e-2)
    np.testing.assert_allclose(two["val_ccc"], [r.val_ccc for r in results], rtol=0, atol=1e-3)
    single, shared = histories(folder / "single"), histories(folder / "shared")
    assert single.keys() == shared.keys()
    for stage, rows in single.items():
        for row, wanted in zip(shared[stage], rows, strict=True):
            for name, value in wanted.items():
                assert float(row[name]) == pytest.approx(float(value), abs=2e-3), name


def test_twenty_losses_of_two_processes_are_those_of_one(folder: Path, two: dict[str, Any]) -> None:
    losses = Losses()
    fit_small(STEADY, folder, "steady", [losses])
    for stage, values in losses.by_stage.items():
        assert len(values) == 20
        assert np.ptp(values) > 1e-2
        np.testing.assert_allclose(two["steady"][stage], values, rtol=0, atol=1e-5)


def moved(runs: Path, names: str) -> Tensor:
    """How far the first stage took the backbone's tensors of such names."""
    (file,) = runs.glob(f"{BACKBONES_FOLDER}/*/0-frames/weights.safetensors")
    learned = safetensors.torch.load_file(file)
    start = build_backbone(SHARED.backbone, SHARED.seed, runs, lambda done, total: None)
    return torch.cat(
        [(learned[k] - v).flatten() for k, v in start.state_dict().items() if k.endswith(names)]
    )


@pytest.mark.parametrize(
    ("names", "share"), [("weight", 0.1), ("running_mean", 1e-3), ("running_var", 1e-3)]
)
def test_two_processes_learn_what_one_does(
    names: str, share: float, folder: Path, two: dict[str, Any]
) -> None:
    if not (folder / "single").exists():
        fit_small(SHARED, folder, "single")
    expected, got = moved(folder / "single", names), moved(folder / "shared", names)
    assert expected.norm() > 1e-3
    assert (got - expected).norm() < share * expected.norm()


# What fit refuses.


def test_a_set_without_rated_faces_to_validate_on_is_refused(tmp_path: Path) -> None:
    tracks = {"a": MadeTrack("train", "rrr"), "b": MadeTrack("validation", "uuu")}
    make_prepared(tmp_path / "prepared", tracks)
    with pytest.raises(TrainingError, match="no rated face in its validation split"):
        fit_small(recipe_of(sequences_stage()), tmp_path, "run")


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ([sequences_stage(crop_size=64)], "prepare with --crop-size 64"),
        ([frames_stage(crop_size=64, name="big"), sequences_stage()], "Stage big wants crops"),
    ],
)
def test_a_recipe_of_other_crops_is_refused(
    folder: Path, stages: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        fit_small(recipe_of(*stages), folder, "refused")
    assert not (folder / "refused").exists()


def test_a_network_that_cannot_serve_is_refused_before_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sorting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, frames: Tensor) -> Tensor:
            maps: Tensor = self.conv(frames)
            return maps.sort(dim=1).values

    monkeypatch.setattr(run_module, "build_backbone", lambda *_: Sorting())
    monkeypatch.setattr(run_module, "run_stage", None)
    with pytest.raises(TrainingError, match=r"aten\.sort"):
        fit_small(recipe_of(sequences_stage()), folder, "unservable")


def test_a_stage_that_another_run_is_training_is_left_to_it(folder: Path) -> None:
    recipe = SMALL_RECIPE.model_copy(update={"seed": 5})
    index = open_prepared(folder / "prepared").index_sha256
    stage = stage_folder(0, recipe, index, folder / "beside" / "run")
    with (
        only_run(stage / "lock"),
        pytest.raises(DataError, match="Another run is at work"),
    ):
        fit_small(recipe, folder, "beside")
