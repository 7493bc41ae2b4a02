"""The handler of live sessions, with a small model, outside TorchServe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ts.context import Context

from worker import build_context, initialised


@pytest.fixture(scope="module")
def context(unpacked_live: Path, small_store: Path) -> Context:
    return build_context(unpacked_live, small_store)


@pytest.fixture(scope="module")
def handler(context: Context) -> Any:
    return initialised(context)
