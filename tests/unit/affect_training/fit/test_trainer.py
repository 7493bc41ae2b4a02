"""Checkpoints while training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from affect_training.errors import DataError
from affect_training.fit.trainer import AtomicCheckpoints


def test_a_checkpoint_is_torch_s(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"epoch": 3, "weight": torch.arange(3)}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    loaded = torch.load(path, weights_only=True)
    assert loaded["epoch"] == 3
    assert loaded["weight"].tolist() == [0, 1, 2]


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"the one before")
    with pytest.raises(DataError, match=r"last\.ckpt cannot be written: No space left"):
        AtomicCheckpoints().save_checkpoint({"epoch": 3}, path)
    assert path.read_bytes() == b"the one before"
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
