"""Recipes as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from affect_core.spec import ConvLSTMSpec, FrameSpec, RecurrentSpec
from affect_training.errors import TrainingError
from affect_training.fit.recipe import Recipe, read_recipe, write_recipe
from fitted import frames_stage, recipe_of, sequences_stage

VGG13 = {"name": "vgg13", "weights": "random", "batch_norm": True}

CONFIGS = Path(__file__).parents[4] / "training" / "configs"


def written(folder: Path, change: dict[str, Any]) -> Path:
    """A good recipe with some of its fields changed."""
    described = recipe_of(frames_stage(), sequences_stage()).model_dump(mode="json")
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**described, **change}))
    return path


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Recipes of one to three stages."""
    names = draw(st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True), min_size=1,
                          max_size=3, unique=True))  # fmt: skip
    kinds = [draw(st.sampled_from([frames_stage, sequences_stage])) for _ in names[1:]]
    changes = st.fixed_dictionaries(
        {},
        optional={
            "patience": st.integers(1, 99),
            "augment": st.none(),
            "optimiser": st.fixed_dictionaries(
                {"name": st.sampled_from(["sgd", "adam", "rmsprop", "adamw"])},
                optional={"learning_rate": st.floats(1e-9, 10), "warmup_steps": st.integers(0, 9)},
            ),
            "loss": st.fixed_dictionaries({"ccc": st.floats(0, 5)}),
        },
    )
    stages = [
        make(name=name, **draw(changes))
        for make, name in zip([*kinds, sequences_stage], names, strict=True)
    ]
    temporal = draw(
        st.sampled_from(
            [ConvLSTMSpec(), RecurrentSpec(kind="gru", hidden_size=3), FrameSpec(kind="frame")]
        )
    )
    return recipe_of(*stages, temporal=temporal, seed=draw(st.integers(0, 2**31)))


@given(recipe=recipes())
def test_a_recipe_comes_back_from_yaml_as_it_was(
    recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.yaml"
    write_recipe(recipe, path)
    assert read_recipe(path) == recipe


def test_every_default_is_written_out(tmp_path: Path) -> None:
    write_recipe(recipe_of(sequences_stage()), tmp_path / "recipe.yaml")
    text = (tmp_path / "recipe.yaml").read_text()
    for name in ("patience", "gradient_clip", "rotation_degrees", "precision", "seed", "mse"):
        assert f"{name}:" in text


def test_a_backbone_is_whole_where_no_stage_says_otherwise() -> None:
    stages = [frames_stage(name="a", depth=11), frames_stage(name="b"), sequences_stage()]
    assert recipe_of(*stages, backbone=VGG13).depths == (11, 13, 13)
    assert recipe_of(*stages[1:], backbone=VGG13).depths == (13, 13)
    assert recipe_of(*stages[1:]).depths == (None, None)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_that_are_shipped_can_be_read(path: Path) -> None:
    assert read_recipe(path).stages[-1].kind == "sequences"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "Big Name"}, "name"),
        ({"colour": 1}, "colour"),
        ({"seed": -1}, "seed"),
        ({"seed": "today"}, "seed"),
        ({"precision": "64-true"}, "precision"),
        ({"workers": -1}, "workers"),
        ({"stages": []}, "stages"),
        ({"backbone": {"name": "vgg19", "batch_norm": True}}, "batch_norm"),
        ({"temporal": {"kind": "transformer"}}, "temporal"),
        ({"temporal": {"kind": "convlstm", "kernel_size": 4}}, "kernel_size"),
        ({"stages": [sequences_stage(crop_size=31)]}, "crop_size"),
        ({"stages": [sequences_stage(optimiser={"learning_rate": 0})]}, "learning_rate"),
        ({"stages": [sequences_stage(optimiser={"name": "lion"})]}, "optimiser.name"),
        ({"stages": [sequences_stage(loss={"mse": 0})]}, "nothing to learn from"),
        ({"stages": [sequences_stage(augment={"hue": 0.7})]}, "hue"),
        ({"stages": [sequences_stage(backbone="thaw")]}, "backbone"),
        ({"stages": [frames_stage(steps=3), sequences_stage()]}, "steps"),
        ({"stages": [sequences_stage(kind="video")]}, "kind"),
        ({"stages": [frames_stage(depth=12), sequences_stage()]}, "depth"),
        ({"stages": [frames_stage(depth=11), sequences_stage()]}, "frames has a depth: only"),
        ({"backbone": VGG13, "stages": [frames_stage(depth=16), sequences_stage()]}, r"\[16, 13"),
        (
            {
                "backbone": VGG13,
                "stages": [frames_stage(), frames_stage(name="b", depth=11), sequences_stage()],
            },
            r"not shrink: \[13, 11, 13",
        ),
        ({"stages": [frames_stage()]}, "must be of sequences"),
        ({"stages": [sequences_stage(), frames_stage()]}, "must be of sequences"),
        ({"stages": [sequences_stage(), sequences_stage()]}, "share a name"),
        ({"stages": [sequences_stage(), sequences_stage(name="b", crop_size=64)]}, r"\[32, 64\]"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    path = written(tmp_path, change)
    with pytest.raises(TrainingError, match=named) as raised:
        read_recipe(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"- a", b"{", b"\xff\xfe\x00", b"a: &a [*a]", b"\x00"])
def test_a_file_that_is_no_recipe_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"recipe\.yaml"):
        read_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"missing\.yaml cannot be read"):
        read_recipe(tmp_path / "missing.yaml")
