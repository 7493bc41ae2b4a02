"""Whole runs: what they leave, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.graph import GraphBackbone
from affect_training.dataset.info import INFO_FILE
from affect_training.dataset.lock import only_run
from affect_training.dataset.prepared import open_prepared
from affect_training.errors import DataError, TrainingError
from affect_training.fit import run as run_module
from affect_training.fit.data import gold_of
from affect_training.fit.folders import (
    BACKBONES_FOLDER,
    RECIPE_FILE,
    RunDescription,
    StageResult,
    stage_folder,
)
from affect_training.fit.recipe import read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER
from affect_training.fit.stages import FEATURES_FOLDER
from affect_training.networks.backbones import build_backbone
from fitted import (
    SMALL_RECIPE,
    MadeTrack,
    fit_small,
    frames_stage,
    histories,
    make_prepared,
    recipe_of,
    sequences_stage,
)
from watching import Watch

pytestmark = pytest.mark.training


def contents(runs: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}


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
    assert list((folder / "whole").rglob("*.tmp")) == []


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
        raise AssertionError("something was made again")

    for name in ("build_backbone", "run_stage", "checkpoint_files"):
        monkeypatch.setattr(run_module, name, refuse)
    before = contents(folder / "whole")
    assert fit_small(SMALL_RECIPE, folder, "whole") == results
    assert contents(folder / "whole") == before


@pytest.mark.parametrize("name", ["weights.safetensors", "spec.json", "backbone.json"])
def test_a_checkpoint_that_was_damaged_is_written_again_without_training(
    name: str, folder: Path, results: list[StageResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder / "whole")
    (folder / "whole" / "run" / CHECKPOINT_FOLDER / name).write_bytes(b"half a file")
    monkeypatch.setattr(run_module, "run_stage", None)
    assert fit_small(SMALL_RECIPE, folder, "whole") == results
    assert contents(folder / "whole") == before


def test_data_may_be_moved_between_starts(
    folder: Path, results: list[StageResult], tmp_path: Path
) -> None:
    shutil.copytree(folder / "prepared", tmp_path / "moved")
    info = open_prepared(folder / "prepared").info
    elsewhere = info.model_copy(update={"manifest": "/elsewhere/labels.csv"})
    (tmp_path / "moved" / INFO_FILE).write_text(elsewhere.model_dump_json())
    run, trained_on = folder / "whole" / "run", "nothing, for tests"
    again = run_module.fit(
        SMALL_RECIPE,
        tmp_path / "moved",
        run,
        trained_on=trained_on,
        cache=folder / "cache",
        progress=Watch(),
    )
    assert again == results


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
    watch = Watch()
    shared = run_module.fit(
        recipe,
        folder / "prepared",
        run,
        trained_on="nothing",
        cache=folder / "cache",
        progress=watch,
    )
    assert shared[:2] == results[:2]
    assert contents(folder / "whole" / BACKBONES_FOLDER) == before
    # An epoch is two batches and one of whole tracks.
    assert [seen for seen in watch.seen if "epoch 1/2" in seen[0]] == [
        ("sequences: epoch 1/2", done, 3) for done in (1, 2, 3)
    ]
    assert [seen[1:] for seen in watch.seen if "epoch 2/2, CCC " in seen[0]] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert len(watch.seen) == 6
    # Its features of the frozen backbone were there: the same ones serve every temporal model.
    made = list((folder / "whole" / FEATURES_FOLDER).iterdir())
    assert len(made) == 3
    assert load_checkpoint(run / CHECKPOINT_FOLDER).spec.architecture.name == "resnet10t-convlstm"


def test_a_backbone_grows_from_stage_to_stage(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "prepared", tmp_path / "prepared")
    recipe = recipe_of(
        frames_stage(depth=11, max_epochs=1),
        frames_stage(name="more", max_epochs=1),
        sequences_stage(max_epochs=1),
        backbone={"name": "vgg13", "weights": "random", "batch_norm": True},
    )
    fit_small(recipe, tmp_path, "grown")
    shallow, whole = (
        safetensors.torch.load_file(next((tmp_path / "grown").rglob(f"{stage}/weights.*")))
        for stage in ("0-frames", "1-more")
    )
    begun = build_backbone(recipe.backbone, recipe.seed, tmp_path, lambda *_: None).state_dict()
    # VGG13 has a second convolution in each of VGG11's first two blocks.
    added = {name for name in begun if name.split(".")[0] in {"3", "4", "10", "11"}}
    for name, value in begun.items():
        if value.is_floating_point():
            assert torch.equal(shallow[name], value) == (name in added), name
            assert not torch.equal(whole[name], shallow[name]), name
    assert whole["3.weight"][5, 5, 1, 1] > 0.8 > whole["0.weight"].abs().max()

    # What is known of the first stage is enough to make the second again.
    for path in (next((tmp_path / "grown").rglob("1-more")), tmp_path / "grown" / "run"):
        shutil.rmtree(path)
    fit_small(recipe, tmp_path, "grown")
    again = safetensors.torch.load_file(next((tmp_path / "grown").rglob("1-more/weights.*")))
    assert all(torch.equal(again[name], value) for name, value in whole.items())


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
    prepared = open_prepared(folder / "prepared")
    described = RunDescription(
        recipe=recipe,
        index_sha256=prepared.index_sha256,
        frames_index_sha256=prepared.index_sha256,
        preprocess=prepared.info.preprocess,
        trained_on="nothing, for tests",
    )
    stage = stage_folder(0, described, folder / "beside" / "run")
    with (
        only_run(stage / "lock"),
        pytest.raises(DataError, match="Another run is at work"),
    ):
        fit_small(recipe, folder, "beside")
