from __future__ import annotations

from pathlib import Path

import pytest

from affect_training.progress import Advance
from rated import LabelFolder


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    return LabelFolder(tmp_path)


@pytest.fixture
def quiet() -> Advance:
    return lambda done, total: None
