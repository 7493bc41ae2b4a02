"""torchvision beside any build of torch."""

from __future__ import annotations

import importlib.util
import runpy
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from affect_training import torchvision_operators

MODULE = "affect_training.torchvision_operators"
FILE = torchvision_operators.__file__


def test_what_imports_torchvision_loads_after_it() -> None:
    # Alone and in a process of its own: here something else may have loaded them before.
    ran = subprocess.run(
        [sys.executable, "-c", f"import {MODULE}, torchmetrics, timm; print('loaded')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "loaded\n", ran.stderr


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The schemas that the module defines while the test runs it, in a torch that has none."""
    schemas: list[str] = []

    class Library:
        def __init__(self, namespace: str, kind: str) -> None:
            assert (namespace, kind) == ("torchvision", "FRAGMENT")

        def define(self, schema: str) -> None:
            schemas.append(schema)

    monkeypatch.setattr(torch.library, "Library", Library)
    monkeypatch.setattr(torch.ops, "torchvision", SimpleNamespace())
    return schemas


def refuse(path: str) -> None:
    raise OSError(f"{path}: undefined symbol")


def names(schemas: list[str]) -> list[str]:
    return [schema.partition("(")[0] for schema in schemas]


def test_it_defines_nothing_where_the_operators_load(
    defined: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    runpy.run_path(FILE)
    assert len(loaded) == 1
    assert "torchvision" in loaded[0]
    assert defined == []


def test_it_defines_both_operators_where_they_do_not(
    defined: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "load_library", refuse)
    runpy.run_path(FILE)
    assert names(defined) == ["nms", "qnms"]


def test_it_leaves_an_operator_that_is_there(
    defined: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "load_library", refuse)
    monkeypatch.setattr(torch.ops, "torchvision", SimpleNamespace(nms=None))
    runpy.run_path(FILE)
    assert names(defined) == ["qnms"]


def test_it_does_nothing_without_torchvision(
    defined: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def hidden(name: str, package: str | None = None) -> Any:
        return None if name == "torchvision" else find(name, package)

    monkeypatch.setattr(torch.ops, "load_library", refuse)
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    runpy.run_path(FILE)
    assert defined == []
