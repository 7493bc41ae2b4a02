from __future__ import annotations

from pathlib import Path

import pytest

from affect_training.ratings.files import Progress
from rated import LabelFolder


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    return LabelFolder(tmp_path)


@pytest.fixture
def quiet() -> Progress:
    return lambda done, total: None
