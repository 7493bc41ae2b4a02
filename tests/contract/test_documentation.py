"""What users may set or receive is in README.md, with the values that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from affect_client import wire
from affect_core.limits import MIN_SIDE, Limits
from affect_serving.declared import OF_LIVE
from affect_serving.settings import ServingSettings
from affect_training.cli import COMMANDS
from affect_training.fit.recipe import read_recipe
from blocks import Block, agrees, blocks_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LIVE = (ROOT / "docs" / "live-sessions.md").read_text(encoding="utf-8")
DOCUMENTS = [
    str(path.relative_to(ROOT)) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
]


@pytest.mark.parametrize("code", sorted(wire.PROBLEMS))
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
    assert f"| memory to decode a clip | {limits.max_decoder_bytes >> 30} GiB |" in README
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


@pytest.mark.parametrize("name", [metric.name for metric in OF_LIVE])
def test_every_metric_of_live_sessions_is_named(name: str) -> None:
    assert f"`{name}`" in LIVE


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_files_of_the_repository_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


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


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a 0.12 -1e-05", "a  -7.5 +3.25\n", True),
        ("20 samples", "21 samples\n", False),
        ("nan", "0.5\n", False),
        ("0.5", "nan\n", False),
        ("first\n...\nlast", "first\nother 1\nother 2\nlast\n", True),
        ("first\n...\nlast", "first\nother\nlast one\n", False),
        ("a (b)", "a b\n", False),
        ("shown", "", False),
        ("shown", "shown\nand more\n", False),
    ],
)
def test_shown_output_is_compared_by_the_rule(shown: str, printed: str, *, same: bool) -> None:
    assert agrees(shown, printed) is same


def test_blocks_are_read_with_their_output_and_their_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n\n```python\n1\n```\n\n```\nout\n```\n\n```python\n2\n```\nno\n\n```\nx\n```\n"
    )
    assert blocks_of(page, {"python"}) == [
        Block("python", "1\n", 4, "out\n"),
        Block("python", "2\n", 12, None),
    ]
