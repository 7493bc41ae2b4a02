"""What users may set or receive is in README.md, with the values that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from affect_client import wire
from affect_core.limits import MIN_SIDE, Limits
from affect_serving.settings import ServingSettings
from affect_training.cli import COMMANDS
from affect_training.fit.recipe import read_recipe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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
    assert f"| time for a batch | {limits.max_wall_s:.0f} s |" in README


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_of_the_repository_lead_somewhere(document: str) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", (ROOT / document).read_text(encoding="utf-8"))
    assert all((ROOT / link).exists() for link in links), links


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
