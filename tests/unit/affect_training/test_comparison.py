from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.model import AffectModel
from affect_core.spec import ConvLSTMSpec, ModelSpec, RecurrentSpec
from affect_training import comparison
from affect_training.comparison import MODELS, Model, measure_run, recipe_for
from affect_training.evaluate.published import TABLE_1, TABLE_2
from affect_training.evaluate.tables import Which
from affect_training.fit.recipe import FramesStage, Recipe, SequencesStage
from affect_training.networks.backbones import BackboneConfig
from affect_training.ratings.types import Split
from watching import Watch

BASE = Recipe(
    name="base",
    backbone=BackboneConfig(name="vgg19", weights="random", batch_norm=True),
    temporal=ConvLSTMSpec(hidden_channels=(4,)),
    stages=(
        FramesStage(name="frames", crop_size=32, batch_size=2, steps_per_epoch=1, max_epochs=1),
        SequencesStage(
            name="sequences", crop_size=32, batch_size=2, steps_per_epoch=1, max_epochs=1
        ),
    ),
)


@pytest.mark.parametrize("which", MODELS)
def test_the_models_are_those_whose_numbers_are_published(which: Which) -> None:
    rows = {"table1": TABLE_1, "table2": TABLE_2}[which]
    published = {row.architecture for row in rows if row.architecture}
    ours = {f"{model.backbone}-{model.temporal}" for model in MODELS[which]}
    assert published == ours


@pytest.mark.parametrize("model", {model for models in MODELS.values() for model in models})
def test_models_differ_from_the_base_in_backbone_and_temporal_model_alone(model: Model) -> None:
    recipe = recipe_for(model, BASE)
    assert recipe.backbone.name == model.backbone
    assert recipe.backbone.weights == "random"
    assert recipe.backbone.batch_norm == model.backbone.startswith("vgg")
    assert recipe.temporal.kind == model.temporal
    changed = {"name", "backbone", "temporal"}
    assert recipe.model_dump(exclude=changed) == BASE.model_dump(exclude=changed)


def test_a_network_that_cannot_grow_is_whole_from_the_first_stage() -> None:
    frames = BASE.stages[0].model_copy(update={"depth": 11})
    base = BASE.model_copy(update={"stages": (frames, BASE.stages[1])})
    assert recipe_for(Model("vgg16", "lstm"), base).depths == (11, 16)
    assert recipe_for(Model("resnet34", "lstm"), base).depths == (None, None)


@pytest.mark.parametrize(
    "own",
    [
        ConvLSTMSpec(hidden_channels=(4,)),
        RecurrentSpec(kind="lstm", hidden_size=8, head_features=(4,)),
        RecurrentSpec(kind="gru", hidden_size=8),
    ],
)
def test_the_base_s_own_temporal_model_is_kept_and_others_are_as_they_come(
    own: ConvLSTMSpec | RecurrentSpec,
) -> None:
    base = BASE.model_copy(update={"temporal": own})
    for model in MODELS["table2"]:
        as_it_comes = (
            ConvLSTMSpec() if model.temporal == "convlstm" else RecurrentSpec(kind=model.temporal)
        )
        expected = own if model.temporal == own.kind else as_it_comes
        assert recipe_for(model, base).temporal == expected


def test_a_run_is_measured_once_for_its_weights_and_split(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: AffectModel, tiny_spec: ModelSpec
) -> None:
    save_checkpoint(tmp_path / "run" / "checkpoint", tiny_model, tiny_spec)
    weights = load_checkpoint(tmp_path / "run" / "checkpoint").weights_sha256
    known = SimpleNamespace(source=SimpleNamespace(weights_sha256=weights), split="test")
    monkeypatch.setattr(comparison, "read_metrics", lambda path: known)
    monkeypatch.setattr(comparison, "open_prepared", lambda path: path)
    done: list[str] = []
    monkeypatch.setattr(comparison, "measure_checkpoint", lambda *of, progress: done.append(of[2]))

    def measured(split: Split) -> object:
        return measure_run(tmp_path / "run", tmp_path, split, progress=Watch())

    measured("test")
    assert done == ["test"]
    (tmp_path / "run" / "metrics.json").touch()
    assert measured("test") is known
    measured("validation")
    assert done == ["test", "validation"]
    known.source.weights_sha256 = "others"
    measured("test")
    assert done == ["test", "validation", "test"]
