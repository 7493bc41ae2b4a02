from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from affect_training.dataset.prepared import PreparedSet, TrackRef, open_prepared
from fitted import make_prepared


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """The tracks of `fitted.TRACKS`. Not to be changed."""
    return open_prepared(make_prepared(tmp_path_factory.mktemp("fit") / "prepared"))


@pytest.fixture(scope="session")
def tracks(prepared: PreparedSet) -> list[TrackRef]:
    """To train on: 20, 7, 3 (unrated) and 3 crops."""
    return prepared.tracks("train")


@pytest.fixture
def features_folder(tmp_path: Path) -> Path:
    return tmp_path / "features"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written does not reach the disk."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
