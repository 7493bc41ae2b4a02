"""The model on a device: the one seam between the pipeline and what does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from affect_core.checkpoint import Checkpoint
from affect_core.sequences import SequenceBatch
from affect_core.temporal import TemporalState
from affect_core.types import FaceCrop

Precision = Literal["float32", "bfloat16", "float16"]

_DTYPES: Final[dict[Precision, torch.dtype]] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_CHUNK: Final = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where the model runs, and the backbone's precision there."""

    device: torch.device
    precision: Precision

    @classmethod
    def of(cls, gpu: int | None) -> DeviceChoice:
        """GPU number `gpu` if torch sees one, in bf16 where it can; otherwise the CPU."""
        if gpu is None or not torch.cuda.is_available():
            return cls(torch.device("cpu"), "float32")
        device = torch.device("cuda", gpu)
        with torch.cuda.device(device):
            half: Precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        return cls(device, half)


class Runtime:
    """Runs a checkpoint's model. The temporal model is float32 everywhere.

    Args:
        checkpoint: as loaded; its model is moved and belongs to the runtime from then on.
        choice: device and precision.
    """

    def __init__(self, checkpoint: Checkpoint, choice: DeviceChoice) -> None:
        self.choice = choice
        self.chunk_size = _CHUNK[choice.device.type]
        """Crops that one backbone call takes; larger calls gain nothing on this device."""
        self.output_smoothing_s = checkpoint.spec.output_smoothing_s
        """Seconds; see `ModelSpec`."""
        self._model = checkpoint.model.to(choice.device)
        self._model.backbone.to(_DTYPES[choice.precision])
        # Convolutions over bytes that arrive as (N, H, W, C) need no transposition this way.
        self._model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, crops: Sequence[FaceCrop]) -> Tensor:
        """The backbone's features of N crops: (N, C, H, H) float32 on the device."""
        pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops]))
        with torch.inference_mode():
            features = self._model.features(pixels.to(self.choice.device)).float()
        if self.choice.device.type == "cuda":
            # So that the stage times in every answer are the device's and not the queue's.
            torch.cuda.synchronize(self.choice.device)
        return features

    def initial_state(self) -> TemporalState:
        """The state of one track that has not been seen."""
        with torch.inference_mode():
            return self._model.temporal.initial_state(1)

    def temporal(self, batch: SequenceBatch, state: TemporalState) -> tuple[Tensor, TemporalState]:
        """Outputs (B, T, 2) on the device, in [-1, 1], and the state after the last step."""
        with torch.inference_mode():
            outputs, after = self._model.temporal(batch.features, batch.mask, state)
        return outputs, after
