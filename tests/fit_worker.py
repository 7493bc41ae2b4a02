"""Training in processes of their own, which are killed or share the work.

    python tests/fit_worker.py killed FOLDER
    torchrun --nproc-per-node 2 tests/fit_worker.py shared FOLDER

FOLDER holds a set made by `fitted.make_prepared`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before Lightning, which imports torchvision.
import affect_training.torchvision_operators  # noqa: F401

# isort: split

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from affect_training.fit import trainer
from affect_training.fit.module import AffectModule
from fitted import KILLED, SHARED, SMALL_RECIPE, STEADY, Losses, Uneven, fit_small

Point = tuple[str, str, int]


class KillAt(pl.Callback):
    """SIGKILL, as the out-of-memory killer sends it, at a point of a stage's epoch."""

    def __init__(self, point: Point) -> None:
        self._stage, self._hook, self._epoch = point

    def _reached(self, module: pl.LightningModule, hook: str, epoch: int) -> None:
        assert isinstance(module, AffectModule)
        if (module.stage.name, hook, epoch) == (self._stage, self._hook, self._epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._reached(pl_module, "batch", trainer.current_epoch)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._reached(pl_module, "validated", trainer.current_epoch)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._reached(pl_module, "trained", 0)


def kill_after_saving(point: Point) -> None:
    """Make the process end between a checkpoint and the row of its epoch."""
    stage, hook, epoch = point
    if hook != "saved":
        return
    save = trainer.AtomicCheckpoints.save_checkpoint

    def save_and_die(
        self: trainer.AtomicCheckpoints,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any | None = None,
    ) -> None:
        save(self, checkpoint, path, storage_options)
        place = (Path(path).parent.name.partition("-")[2], Path(path).stem, checkpoint["epoch"])
        if place == (stage, "last", epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    trainer.AtomicCheckpoints.save_checkpoint = save_and_die  # type: ignore[method-assign]


def killed(folder: Path) -> None:
    """Start the run again and again, each time killed at another point."""
    for point in KILLED:
        child = os.fork()
        if child == 0:
            kill_after_saving(point)
            fit_small(SMALL_RECIPE, folder, "killed", [KillAt(point)])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"it was not killed at {point}"


class SharedGradients(pl.Callback):
    """Those of `Uneven` shared out, averaged over the processes as Lightning does."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """While the processes are joined."""
        uneven = Uneven()
        torch.autograd.backward(uneven.loss(trainer.global_rank, trainer.world_size))
        for parameter in uneven.parameters():
            assert parameter.grad is not None
            dist.all_reduce(parameter.grad)
            parameter.grad /= trainer.world_size
        self.found = uneven.gradients()


def shared(folder: Path) -> None:
    """One of two processes; the second is late whenever it reads a checkpoint."""
    losses, gradients = Losses(), SharedGradients()
    if os.environ["RANK"] == "1":
        load: Callable[..., Any] = torch.load

        def late(*arguments: Any, **keywords: Any) -> Any:
            time.sleep(0.3)
            return load(*arguments, **keywords)

        torch.load = late
    results = fit_small(SHARED, folder, "shared", [losses, gradients])
    steady = Losses()
    fit_small(STEADY, folder, "steady-shared", [steady])
    if os.environ["RANK"] == "0":
        found = {
            "losses": losses.by_stage,
            "val_ccc": [result.val_ccc for result in results],
            "gradients": gradients.found,
            "steady": steady.by_stage,
        }
        (folder / "shared.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"killed": killed, "shared": shared}[sys.argv[1]](Path(sys.argv[2]))
