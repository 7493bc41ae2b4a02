"""The loss curve as CSV, whole even when the run was interrupted."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Final

import pytorch_lightning as pl

from affect_training.ratings.disk import replacing

HISTORY_FILE: Final = "metrics.csv"
COLUMNS: Final = (
    "epoch",
    "step",
    "train_loss",
    "train_mse_valence",
    "train_mse_arousal",
    "val_mse_valence",
    "val_mse_arousal",
    "val_ccc_valence",
    "val_ccc_arousal",
    "val_ccc",
    "learning_rate",
    "seconds",
)


class History(pl.Callback):
    """Appends a row for every epoch.

    Lightning's CSV logger starts its file anew when a run is resumed; this one keeps the
    epochs before the checkpoint and drops those that will be trained again.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of epochs that stay."""
        if not trainer.is_global_zero:
            return
        kept = io.StringIO(newline="")
        writer = csv.DictWriter(kept, COLUMNS)
        writer.writeheader()
        if self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as before:
                rows = csv.DictReader(before)
                writer.writerows(row for row in rows if int(row["epoch"]) < trainer.current_epoch)
        with replacing(self._path) as file:
            file.write(kept.getvalue().encode())

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's row; validation has run by then."""
        if not trainer.is_global_zero:
            return
        known = trainer.callback_metrics
        row = {name: f"{float(known[name]):.9g}" for name in COLUMNS if name in known}
        row["train_loss"] = f"{float(known['train_loss_epoch']):.9g}"
        row["epoch"] = str(trainer.current_epoch)
        row["step"] = str(trainer.global_step)
        row["learning_rate"] = f"{trainer.optimizers[0].param_groups[0]['lr']:.6g}"
        row["seconds"] = f"{time.monotonic() - self._started:.3f}"
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
