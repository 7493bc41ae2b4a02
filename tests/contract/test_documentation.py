"""What users may set or receive is in README.md, with the values that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from affect_client import wire
from affect_core.limits import MIN_SIDE, Limits
from affect_serving import metrics
from affect_serving.settings import ServingSettings
from affect_training.cli import COMMANDS
from affect_training.fit.recipe import read_recipe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LIVE = (ROOT / "docs" / "live-sessions.md").read_text(encoding="utf-8")
LATER = {"overloaded"}
"""Codes of the gateway, which does not answer yet."""


@pytest.mark.parametrize("code", sorted(set(wire.PROBLEMS) - LATER))
def test_every_problem_code_stands_beside_its_status(code: wire.ProblemCode) -> None:
    status = wire.PROBLEMS[code][0]
    assert re.search(rf"^\| {status} \|.*`{code}`", README, re.MULTILINE)


@pytest.mark.parametrize("option", wire.PredictOptions.model_fields)
def test_every_option_is_in_the_table(option: str) -> None:
    assert re.search(rf"^\| .*`{option}`", README, re.MULTILINE)


@pytest.mark.parametrize(
    "variable",
    [f"AFFECT_{name.upper()}" for name in ServingSettings.model_fields if name != "limits"]
    + [f"AFFECT_LIMITS__{name.upper()}" for name in Limits.model_fields],
)
def test_every_setting_is_named(variable: str) -> None:
    assert f"`{variable}`" in README


def test_the_limits_are_the_ones_that_hold() -> None:
    limits = Limits()
    assert f"| clip length | {limits.max_duration_s:.0f} s |" in README
    assert f"| samples | {limits.max_samples} |" in README
    assert f"{limits.max_side} pixels a side, {limits.max_pixels:,} in all" in README
    assert f"at least {MIN_SIDE}x{MIN_SIDE}" in README
    assert f"| time for a clip | {limits.max_wall_s:.0f} s |" in README
    assert f"live session | {ServingSettings().live_max_samples} |" in README


@pytest.mark.parametrize("option", wire.LiveOptions.model_fields)
def test_every_option_of_live_sessions_is_in_their_table(option: str) -> None:
    assert re.search(rf"^\| .*`{option}`", LIVE, re.MULTILINE)


def test_the_limits_of_live_sessions_are_the_archive_s() -> None:
    template = ROOT / "training/affect_training/torchserve/model-config-live.yaml"
    config = yaml.safe_load(template.read_text(encoding="utf-8"))
    assert f"one of {config['maxNumSequence']} places" in LIVE
    assert f"nothing for {config['sequenceMaxIdleMSec'] // 1000} s" in LIVE
    assert f"or {config['maxSequenceJobQueueSize']} requests" in LIVE
    assert f"more than {ServingSettings().live_max_samples} samples" in LIVE


@pytest.mark.parametrize("name", [v for k, v in vars(metrics).items() if k.startswith("LIVE_")])
def test_every_metric_of_live_sessions_is_named(name: str) -> None:
    assert f"`{name}`" in LIVE


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/live-sessions.md"]
)
def test_links_to_files_of_the_repository_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", path.read_text(encoding="utf-8"))
    assert all((path.parent / link).exists() for link in links), links


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_training_is_in_the_table(command: str) -> None:
    assert re.search(rf"^\| .*`{command}`", README, re.MULTILINE)


@pytest.mark.parametrize("recipe", sorted((ROOT / "training" / "configs").glob("*.yaml")))
def test_every_recipe_is_one(recipe: Path) -> None:
    assert read_recipe(recipe).stages


def test_every_make_target_that_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    documents = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", documents, re.MULTILINE))
    assert {"demo", "serve", "setup", "check", "test"} <= named <= targets
