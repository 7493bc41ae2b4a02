from __future__ import annotations

from pathlib import Path

import pytest

from affect_core.spec import PreprocessSpec
from affect_training.dataset.prepare import PrepareOptions, prepare
from rated import small_clips, write_set

OPTIONS = PrepareOptions(preprocess=PreprocessSpec(crop_size=32), clips_per_shard=2)


@pytest.fixture(scope="session")
def options() -> PrepareOptions:
    return OPTIONS


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips in three shards. Not to be changed."""
    folder = tmp_path_factory.mktemp("prepared")
    out = folder / "out"
    prepare(write_set(folder, small_clips()), out, OPTIONS, 1, lambda done, total: None)
    return out
