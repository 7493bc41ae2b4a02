"""What runs the backbone: torch on GPUs and for reference, OpenVINO on CPUs.

An engine turns crops into what the temporal model takes. Which one it is and how precisely it
computes is decided once, when a worker starts; the pipeline sees a `Runtime` and no difference.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affect_core.cores import available_cores
from affect_core.engine_plan import CpuPrecision, EnginePlan, Precision
from affect_core.errors import SpecError
from affect_core.model import AffectModel
from affect_core.openvino_engine import OpenVINOEngine, native_precisions

_log = logging.getLogger(__name__)

EngineName = Literal["torch", "openvino"]

_DTYPES: Final[dict[Precision, torch.dtype]] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class Engine(Protocol):
    """Runs a model up to its state: normalisation, backbone, the first gates' share of it."""

    def __call__(self, crops: NDArray[np.uint8], /) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, ...) float32 on the engine's device.

        As `AffectModel.projected`.
        """


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where the model runs, with what, and the backbone's precision there."""

    device: torch.device
    precision: Precision
    engine: EngineName = "torch"
    threads: int = field(default_factory=available_cores)
    """Of OpenVINO; torch has a setting of its own for the whole process."""

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"{self.threads} threads")

    @classmethod
    def of(cls, gpu: int | None) -> DeviceChoice:
        """Torch on GPU number `gpu` if there is one, in bf16 where it can.

        Otherwise float32 on the CPU, what every other choice is compared with.
        """
        if gpu is None or not torch.cuda.is_available():
            return cls(torch.device("cpu"), "float32")
        device = torch.device("cuda", gpu)
        with torch.cuda.device(device):
            half: Precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        return cls(device, half)

    @classmethod
    def for_serving(
        cls,
        gpu: int | None,
        plan: EnginePlan,
        wanted: CpuPrecision | None = None,
        threads: int | None = None,
    ) -> DeviceChoice:
        """A GPU as `of`, else OpenVINO at the plan's precision or at the one wanted.

        The plan's gives way to float32, with a warning, where the CPU has no instructions for
        it; the one wanted does not. Threads are as many as there are cores unless given.

        Raises:
            SpecError: the precision wanted was not found good enough at export, or this CPU has
                no instructions for it.
        """
        choice = cls.of(gpu)
        if choice.device.type != "cpu":
            return choice
        precision = wanted or plan.cpu
        if not plan.allows(precision):
            raise SpecError(
                f"{precision} was not checked for these weights, or failed its check. Export the "
                f"archive with --precision {precision}, or unset AFFECT_PRECISION."
            )
        if precision not in native_precisions():
            if wanted is not None:
                raise SpecError(
                    f"This CPU has no instructions for {wanted}. Unset AFFECT_PRECISION."
                )
            _log.warning("float32 instead of %s, which this CPU has no instructions for", precision)
            precision = "float32"
        return cls(choice.device, precision, "openvino", threads or available_cores())


def build_engine(model: AffectModel, choice: DeviceChoice, plan: EnginePlan) -> Engine:
    """The engine for a model, whose backbone belongs to it from then on.

    Args:
        model: on the CPU, in evaluation mode.
        choice: as made for this machine.
        plan: with the ranges of int8.
    """
    if choice.engine == "torch":
        return TorchEngine(model, choice)
    ranges = plan.int8_ranges if choice.precision == "int8" else None
    return OpenVINOEngine(model, choice.precision, ranges, choice.threads)


class TorchEngine:
    """The backbone as torch runs it, one operator after the other.

    Args:
        model: is moved to the device.
        choice: device and precision.
    """

    def __init__(self, model: AffectModel, choice: DeviceChoice) -> None:
        self._device = choice.device
        self._model = model.to(choice.device)
        self._model.backbone.to(_DTYPES[choice.precision])
        # Convolutions over bytes that arrive as (N, H, W, C) need no transposition this way.
        self._model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, crops: NDArray[np.uint8], /) -> Tensor:
        """See `Engine`."""
        with torch.inference_mode():
            projected = self._model.projected(torch.from_numpy(crops).to(self._device))
        if self._device.type == "cuda":
            # So that the stage times in every answer are the device's and not the queue's.
            torch.cuda.synchronize(self._device)
        return projected
