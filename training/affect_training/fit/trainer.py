"""Lightning's trainer for one stage: logs, checkpoints, exact resume."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from affect_training.fit.data import Batch
from affect_training.fit.epochs import EpochProgress
from affect_training.fit.history import HISTORY_FILE, History
from affect_training.fit.module import VAL_CCC, AffectModule
from affect_training.fit.processes import Processes
from affect_training.fit.recipe import FramesStage, Precision, SequencesStage
from affect_training.progress import Progress
from affect_training.ratings.disk import replacing

_LAST: Final = "last"
_BEST: Final = "best"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run gives every stage beside its data."""

    precision: Precision
    processes: Processes
    callbacks: Sequence[pl.Callback]
    progress: Progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended: its best validation CCC, and after how many epochs."""

    val_ccc: float
    epochs: int


class Patience(EarlyStopping):
    """Early stopping that remembers, in a run that was killed after it had decided."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop before the first batch if patience was used up."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class SeededEpochs(pl.Callback):
    """Seeds dropout and the like by epoch, so that a resumed one draws what it would have."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Each process draws its own."""
        place = trainer.current_epoch * trainer.world_size + trainer.global_rank
        torch.manual_seed(self._seed + place)


class AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is replaced in one step: a kill leaves the one before."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """As Lightning calls it.

        Raises:
            DataError: it cannot be written.
        """
        # Where writing fails, torch.save would raise what does not name the disk.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with replacing(Path(path)) as file:
            file.write(content.getbuffer())


def train_stage(
    module: AffectModule,
    train: DataLoader[Batch],
    validation: DataLoader[Batch],
    folder: Path,
    *,
    seed: int,
    surroundings: Surroundings,
) -> Outcome:
    """Train until the stage's epochs or patience are used up, and load the best weights.

    A run that was interrupted goes on after its last whole epoch, and its numbers are those
    of a run that was not: batches and augmentation depend on seed and epoch alone.

    Args:
        module: what is trained; holds the best weights afterwards.
        train: this process's batches.
        validation: this process's share of whole tracks.
        folder: for checkpoints and logs.
        seed: of what is random in the network while it trains.
        surroundings: precision, processes and what else is the run's.

    Raises:
        DataError: a checkpoint cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stage: FramesStage | SequencesStage = module.stage
    best = ModelCheckpoint(
        folder,
        _BEST,
        monitor=VAL_CCC,
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    last = ModelCheckpoint(folder, _LAST, enable_version_counter=False)
    stopping = Patience(VAL_CCC, mode="max", patience=stage.patience)
    processes = surroundings.processes
    told = [EpochProgress(stage.name, surroundings.progress)] if processes.rank == 0 else []
    trainer = pl.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=processes.local_world,
        num_nodes=processes.world // processes.local_world,
        strategy="ddp" if processes.world > 1 else "auto",
        precision=surroundings.precision,
        max_epochs=stage.max_epochs,
        gradient_clip_val=stage.optimiser.gradient_clip,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=min(10, stage.steps_per_epoch),
        logger=TensorBoardLogger(folder, name="", version="tensorboard"),
        callbacks=[
            History(folder / HISTORY_FILE),
            SeededEpochs(seed),
            stopping,
            best,
            last,
            *told,
            *surroundings.callbacks,
        ],
        plugins=[AtomicCheckpoints()],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    resume = folder / f"{_LAST}.ckpt"
    with warnings.catch_warnings():
        # The recipe says how many; on two cores more are slower.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # A run that goes on has checkpoints.
        warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not.*")
        # Metrics are of all processes already when they are logged.
        warnings.filterwarnings("ignore", message=".*recommended to use.*sync_dist=True.*")
        # Lightning 2.6.6 with torch 2.13.
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)")
        trainer.fit(module, train, validation, ckpt_path=resume if resume.is_file() else None)
    best_file = folder / f"{_BEST}.ckpt"
    state = torch.load(best_file, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    score = best.best_model_score
    return Outcome(float(score) if score is not None else 0.0, trainer.current_epoch)
