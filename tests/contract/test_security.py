"""docs/security.md names tests that exist, for every threat."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
THREATS = [name for name in SECTIONS if name != "What is left to the operator"]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_threats_that_were_asked_about_are_there() -> None:
    assert THREATS == [
        "Hostile upload",
        "Resource exhaustion",
        "Code through the management API",
        "Code in an archive",
        "Server-side requests",
        "Leaked keys",
        "State across sessions",
        "Log injection",
        "Personal data at rest",
        "TorchServe",
        "Other dependencies",
    ]


@pytest.mark.parametrize("threat", THREATS)
def test_every_threat_has_what_holds_against_it_and_tests_that_exist(threat: str) -> None:
    held, _, tests = SECTIONS[threat].partition("\nTests: ")
    assert re.search(r"^- \w", held, re.MULTILINE)
    named = NAMED.findall(tests)
    assert named
    assert tests.count("::") == len(named)
    assert [f"{path}::{name}" for path, name in named if name not in functions_of(path)] == []


def test_security_md_is_found_and_says_where_to_report_and_what_is_supported() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', PROJECT, re.MULTILINE)
    assert "## Reporting" in text
    assert f"the newest minor release ({version.rpartition('.')[0]})" in text


def test_everything_that_is_installed_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    required = PROJECT.partition("\ndependencies = ")[2].partition("[project.scripts]")[0]
    wanted = set(re.findall(r'"([a-z][\w.-]*)(?:[\[<>=; ][^"]*)?"', required)) - {"affectline"}
    assert len(wanted) > 40
    assert wanted - pinned == set()
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][\w.]*", line) for line in lines if line[0] != "#")
