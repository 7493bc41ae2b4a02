"""The training loop's steps, as Lightning calls them."""

from __future__ import annotations

import warnings
from typing import Final

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torchmetrics import ConcordanceCorrCoef, MeanSquaredError

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.fit.data import Batch
from affect_training.fit.losses import batch_loss
from affect_training.fit.networks import StageNetwork
from affect_training.fit.optimisers import build_optimiser, build_schedule
from affect_training.fit.recipe import FramesStage, SequencesStage
from affect_training.networks.collectives import gathered

VAL_CCC: Final = "val_ccc"
"""The mean over both dimensions: early stopping and the best checkpoint go by it.

torchmetrics takes its variances over n - 1, the loss over n (Lin 1989): 1 / n apart.
"""

_CHUNK: Final = 64
"""Steps of a whole track that are validated at a time, the state carried over."""
_DIMENSIONS: Final = {"valence": VALENCE, "arousal": AROUSAL}


class AffectModule(pl.LightningModule):
    """Trains a network on a stage's windows and validates it on whole tracks.

    Args:
        network: what learns.
        stage: loss, optimiser and length.
    """

    def __init__(self, network: StageNetwork, stage: FramesStage | SequencesStage) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        self._train_errors = MeanSquaredError(num_outputs=2)
        self._val_errors = MeanSquaredError(num_outputs=2)
        self._val_ccc = ConcordanceCorrCoef(num_outputs=2)
        # Sums over a whole set lose digits in float32.
        for metric in (self._train_errors, self._val_errors, self._val_ccc):
            metric.set_dtype(torch.float64)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch of all processes; windows start from the initial state.

        Every process computes the same loss of all rows. Gathering adds up the gradients of
        all processes and Lightning's averaging divides by their number: together, the
        gradients of one process.
        """
        state = self.network.initial_state(len(batch.inputs))
        outputs, _ = self.network(batch.inputs, batch.mask, state)
        rated = gathered(batch.rated)
        gold = gathered(batch.gold)
        loss = batch_loss(self.stage.loss, gathered(outputs), gold, rated)
        if batch.rated.any():
            self._train_errors.update(
                outputs.detach()[batch.rated].double(), batch.gold[batch.rated].double()
            )
        self.log("train_loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Whole tracks, in pieces that hand the state on."""
        state = self.network.initial_state(len(batch.inputs))
        outputs = []
        for start in range(0, batch.mask.shape[1], _CHUNK):
            piece = slice(start, start + _CHUNK)
            # Padding is at the end: rows that are over take no part in further pieces.
            going = batch.mask[:, start]
            ongoing = tuple(memory[going] for memory in state)
            own, after = self.network(
                batch.inputs[going][:, piece], batch.mask[going][:, piece], ongoing
            )
            filled = own.new_zeros((len(going), *own.shape[1:]))
            filled[going] = own
            outputs.append(filled)
            state = tuple(
                _put(memory, going, new) for memory, new in zip(state, after, strict=True)
            )
        predicted = torch.cat(outputs, dim=1)[batch.rated].double()
        gold = batch.gold[batch.rated].double()
        if len(gold):
            self._val_errors.update(predicted, gold)
            self._val_ccc.update(predicted, gold)

    def on_validation_epoch_end(self) -> None:
        """Report and forget the set's metrics, and those of the training epoch that led here."""
        self._log_dimensions("train_mse", self._train_errors.compute())
        self._train_errors.reset()
        with warnings.catch_warnings():
            # In first epochs outputs may not vary; their CCC is 0 (Lin 1989), not undefined.
            warnings.filterwarnings("ignore", message="The variance of predictions or target")
            ccc = self._val_ccc.compute().nan_to_num(0.0)
        self._log_dimensions("val_mse", self._val_errors.compute())
        self._log_dimensions("val_ccc", ccc)
        self.log(VAL_CCC, ccc.mean().float(), prog_bar=True, sync_dist=False)
        self._val_errors.reset()
        self._val_ccc.reset()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """As the stage asks; parameters that are frozen stay out."""
        config = self.stage.optimiser
        optimiser = build_optimiser(
            config, [p for p in self.network.parameters() if p.requires_grad]
        )
        steps = self.stage.steps_per_epoch * self.stage.max_epochs
        schedule = build_schedule(config, optimiser, steps)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _log_dimensions(self, prefix: str, values: Tensor) -> None:
        for dimension, position in _DIMENSIONS.items():
            self.log(f"{prefix}_{dimension}", values[position].float(), sync_dist=False)


def _put(memory: Tensor, rows: Tensor, new: Tensor) -> Tensor:
    """A copy of `memory` with some of its rows replaced."""
    replaced = memory.clone()
    replaced[rows] = new.to(memory.dtype)
    return replaced
