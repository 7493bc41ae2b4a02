"""The loss curve of a run that goes on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import pytorch_lightning as pl

from affect_training.errors import DataError
from affect_training.fit.history import COLUMNS, History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The history of epochs 0 to 2."""
    made = tmp_path / "metrics.csv"
    with made.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"epoch": epoch, "val_ccc": f"0.{epoch}"} for epoch in range(3))
    return made


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> pl.Trainer:
    """It goes on with epoch 2."""
    made = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    monkeypatch.setattr(pl.Trainer, "current_epoch", 2)
    return made


def test_epochs_that_will_be_trained_again_are_dropped(path: Path, trainer: pl.Trainer) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    History(path).on_train_start(trainer, pl.LightningModule())
    assert path.read_bytes().splitlines(keepends=True) == lines[:3]


def test_a_full_disk_leaves_the_history_that_was_there(
    path: Path, trainer: pl.Trainer, full_disk: None
) -> None:
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"metrics\.csv cannot be written: No space left"):
        History(path).on_train_start(trainer, pl.LightningModule())
    assert path.read_bytes() == before
