"""Loses the GPU of a worker that has this folder on its path, once a file asks for it.

Python imports a module of this name when it starts. CI has no GPU to lose: the runtime raises
what torch raises, at the one place where the pipeline calls the device.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ASKED = "AFFECT_TORTURE_LOSE_DEVICE"
_MODULE = "affect_core.runtime"


class _Losing(importlib.abc.MetaPathFinder):
    """Imports the runtime as ever, and puts the loss before its engine."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            _lose(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _lose(runtime: Any) -> None:
    import torch

    build = runtime.build_engine
    asked = Path(os.environ[ASKED])

    def building(*arguments: Any) -> Any:
        engine = build(*arguments)

        def run(crops: Any) -> Any:
            if asked.exists():
                asked.unlink()
                raise torch.AcceleratorError("CUDA error: unspecified launch failure")
            return engine(crops)

        return run

    runtime.build_engine = building


if ASKED in os.environ:
    sys.meta_path.insert(0, _Losing())
