"""How far training is, told as it goes on."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from affect_training.fit.module import VAL_CCC
from affect_training.progress import Progress


class EpochProgress(pl.Callback):
    """Each epoch is a piece of work: its batches, then those of its validation.

    Its name has the validation CCC of the epoch before. Lightning's own bar would draw over
    the one that is on the terminal already.

    Args:
        stage: its name.
        progress: told of every batch.
    """

    def __init__(self, stage: str, progress: Progress) -> None:
        self._stage = stage
        self._progress = progress

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin an epoch's piece of work."""
        name = f"{self._stage}: epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        ccc = trainer.callback_metrics.get(VAL_CCC)
        if ccc is not None:
            name += f", CCC {float(ccc):.3f}"
        self._advance = self._progress(name)
        self._done = 0

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """Count it."""
        self._count(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """Count it."""
        self._count(trainer)

    def _count(self, trainer: pl.Trainer) -> None:
        self._done += 1
        self._advance(self._done, int(trainer.num_training_batches + sum(trainer.num_val_batches)))
