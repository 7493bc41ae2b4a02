"""The model on a device: the one seam between the pipeline and what does the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np
import torch
from torch import Tensor

from affect_core.checkpoint import Checkpoint
from affect_core.engine_plan import EnginePlan
from affect_core.engines import DeviceChoice, build_engine
from affect_core.errors import DeviceLostError
from affect_core.sequences import SequenceBatch
from affect_core.temporal import TemporalState
from affect_core.types import FaceCrop

_CHUNK: Final = {"cpu": 8, "cuda": 64}


def share_cores(choice: DeviceChoice) -> None:
    """Set what the process must, so that the parts of a `Runtime` do not stand in each other's way.

    Beside OpenVINO, torch is left with small steps, one after the other. With several threads
    these wait for each other in spins, on the cores that detection and the engine need.
    """
    if choice.engine == "openvino":
        torch.set_num_threads(1)


@contextmanager
def telling_what_is_lost() -> Iterator[None]:
    """Raise `DeviceLostError` for what a process's context on a GPU does not survive.

    Out of memory is another error, and passes.
    """
    try:
        yield
    except RuntimeError as error:
        # torch before 2.8 has no class of its own for it.
        known = getattr(torch, "AcceleratorError", None)
        if (known and isinstance(error, known)) or str(error).startswith("CUDA error"):
            raise DeviceLostError(f"{type(error).__name__} on the model's device") from error
        raise


class Runtime:
    """Runs a checkpoint's model: the engine up to the state, torch in float32 from there.

    Args:
        checkpoint: as loaded; its model is moved and belongs to the runtime from then on.
        choice: device, precision and engine.
        plan: of the archive; int8 needs it.
    """

    def __init__(
        self, checkpoint: Checkpoint, choice: DeviceChoice, plan: EnginePlan | None = None
    ) -> None:
        self.choice = choice
        self.chunk_size = _CHUNK[choice.device.type]
        """Crops that one backbone call takes; larger calls gain nothing on this device."""
        self.output_smoothing_s = checkpoint.spec.output_smoothing_s
        """Seconds; see `ModelSpec`."""
        plan = plan or EnginePlan(weights_sha256=checkpoint.weights_sha256)
        self._engine = build_engine(checkpoint.model, choice, plan)
        self._temporal = checkpoint.model.temporal.to(choice.device)
        sure = checkpoint.model.confidence
        self._confidence = None if sure is None else sure.to(choice.device)

    def projected(self, crops: Sequence[FaceCrop]) -> Tensor:
        """N crops as far as they depend on no state: (N, ...) float32 on the device.

        Raises:
            DeviceLostError: no call after this one would succeed either.
        """
        with telling_what_is_lost():
            return self._engine(np.stack([crop.pixels for crop in crops]))

    def initial_state(self) -> TemporalState:
        """The state of one track that has not been seen."""
        with torch.inference_mode():
            return self._temporal.initial_state(1)

    def temporal(self, batch: SequenceBatch, state: TemporalState) -> tuple[Tensor, TemporalState]:
        """Outputs (B, T, 2) on the device, in [-1, 1], and the state after the last step.

        Raises:
            DeviceLostError: no call after this one would succeed either.
        """
        with telling_what_is_lost(), torch.inference_mode():
            return self._temporal.advance(batch.values, batch.mask, state)

    def confidence(self, projected: Tensor, outputs: Tensor) -> list[float | None]:
        """How sure the model is of each of N frames, in [0, 1]; None where the weights do not say.

        Args:
            projected: (N, ...), from `projected`.
            outputs: (N, 2), of the same frames, from `temporal`.

        Raises:
            DeviceLostError: no call after this one would succeed either.
        """
        if self._confidence is None:
            return [None] * len(outputs)
        with telling_what_is_lost(), torch.inference_mode():
            sure: list[float | None] = torch.sigmoid(self._confidence(projected, outputs)).tolist()
        return sure
