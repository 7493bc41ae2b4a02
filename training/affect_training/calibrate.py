"""Which precisions a model may be served in, found by trying them on crops.

The backbone of each is compared with float32's through the temporal model, as that is where its
errors add up. int8 learns its ranges from other crops than those it is compared on, and leaves out
the convolutions that suffer most where rounding all of them costs too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affect_core.checkpoint import weights_digest
from affect_core.cores import available_cores
from affect_core.engine_plan import TOLERANCES, CpuPrecision, EnginePlan, PrecisionCheck
from affect_core.model import AffectModel
from affect_core.openvino_engine import NAME, OpenVINOEngine, native_precisions
from affect_core.quantise import Range, observe, rounding_errors
from affect_core.types import Image
from affect_training.dataset.prepared import PreparedSet
from affect_training.errors import TrainingError
from affect_training.evaluate.metrics import agreement

_STEPS: Final = 16
"""Crops of one track that follow one another."""
_TRACKS: Final = 16
"""In each half: to find ranges, and to compare."""
_STAND_INS: Final = 2
_BATCH: Final = 8
_SEED: Final = 20200921
_LEFT_OUT_STEP: Final = 2
"""Convolutions that int8 leaves out more at each try."""
_LEAST_SPREAD: Final = 0.01
"""Standard deviation of an output below which its agreement says nothing."""


@dataclass(frozen=True, slots=True)
class CalibrationCrops:
    """Sequences of crops, uint8 RGB (T, S, S, 3) each, and what they show."""

    to_find: list[Image]
    to_compare: list[Image]
    source: str

    def __post_init__(self) -> None:
        sizes = {crops.shape[1:] for crops in [*self.to_find, *self.to_compare]}
        if not self.to_find or not self.to_compare or len(sizes) != 1:
            raise ValueError(f"crops of shapes {sorted(sizes)}")


def crops_of(prepared: PreparedSet) -> CalibrationCrops:
    """Pieces of tracks of the training split, half to find ranges and half to compare.

    Raises:
        TrainingError: it has fewer than two tracks.
        DataError: a shard is missing or damaged.
    """
    tracks = prepared.tracks("train")
    if len(tracks) < 2:
        raise TrainingError(f"{prepared.folder} has no two tracks to calibrate with.")
    order = np.random.default_rng(_SEED).permutation(len(tracks))[: 2 * _TRACKS]
    pieces = [
        prepared.read_crops(tracks[place], 0, min(_STEPS, len(tracks[place]))) for place in order
    ]
    half = (len(pieces) + 1) // 2
    return CalibrationCrops(pieces[:half], pieces[half:], "faces of the training split")


def stand_in_crops(size: int) -> CalibrationCrops:
    """Smooth seeded noise, for a model that has seen no faces either."""
    generator = np.random.default_rng(_SEED)
    pieces = [_noise(size, generator) for _ in range(2 * _STAND_INS)]
    return CalibrationCrops(pieces[:_STAND_INS], pieces[_STAND_INS:], "smooth noise, no faces")


def plan_engines(
    model: AffectModel, crops: CalibrationCrops, precision: CpuPrecision | None
) -> EnginePlan:
    """Try the precision to serve in.

    Args:
        model: float32 on the CPU, in evaluation mode.
        crops: of the model's size.
        precision: to serve in on CPUs. None takes bfloat16 where this machine computes it and
            its outputs are close enough, else float32.

    Raises:
        TrainingError: the precision asked for cannot be tried here, or is too far from float32.
    """
    digest = weights_digest(model)
    tried = precision or "bfloat16"
    if tried == "float32":
        return EnginePlan(weights_sha256=digest)
    if tried not in native_precisions():
        if precision is None:
            return EnginePlan(weights_sha256=digest)
        raise TrainingError(
            f"This CPU has no instructions for {tried}, so it cannot be tried here. "
            "Export on one that has, or with --precision float32."
        )
    comparison = _Comparison(model, crops)
    if tried == "int8":
        check, ranges = _least_left_out(model, crops, comparison)
    else:
        check, ranges = (
            comparison.with_(OpenVINOEngine(model, tried, None, available_cores()), tried),
            None,
        )
    if not check.passed:
        if precision is None:
            return EnginePlan(weights_sha256=digest, checks=(check,))
        agreed = "" if check.ccc is None else f", and agree with a CCC of {check.ccc:.3f}"
        raise TrainingError(
            f"In {tried} the outputs differ from float32's by {check.mean_error:.4f} on average "
            f"(at most {TOLERANCES[tried]:g} is allowed){agreed}. Export with another --precision."
        )
    return EnginePlan(weights_sha256=digest, cpu=tried, checks=(check,), int8_ranges=ranges)


def _least_left_out(
    model: AffectModel, crops: CalibrationCrops, comparison: _Comparison
) -> tuple[PrecisionCheck, tuple[Range | None, ...]]:
    """int8 with as few convolutions left out as pass the check; not more than half of them."""
    batches = _batches(crops.to_find)
    found = observe(model.features, batches)
    errors = rounding_errors(model.features, batches[0], found)
    worst_first = sorted(range(len(errors)), key=lambda place: -errors[place])
    for left_out in range(0, len(errors) // 2 + 1, _LEFT_OUT_STEP):
        spared = set(worst_first[:left_out])
        ranges = tuple(None if place in spared else span for place, span in enumerate(found))
        check = comparison.with_(OpenVINOEngine(model, "int8", ranges, available_cores()), "int8")
        if check.passed:
            break
    return check, ranges


class _Comparison:
    """Engines against float32 on the same crops, through the model's temporal part."""

    def __init__(self, model: AffectModel, crops: CalibrationCrops) -> None:
        self._model = model
        self._crops = crops
        expected = []
        for piece in crops.to_compare:
            projected = torch.cat([model.projected(batch) for batch in _batches([piece])])
            expected.append(_outputs(model, projected))
        self._expected = torch.cat(expected).double()

    def with_(self, engine: OpenVINOEngine, precision: CpuPrecision) -> PrecisionCheck:
        """How far an engine's outputs are from float32's."""
        pieces = self._crops.to_compare
        got = torch.cat([_outputs(self._model, engine(piece)) for piece in pieces]).double()
        errors = (got - self._expected).abs()
        cccs = [
            agreement(got[:, column].numpy(), self._expected[:, column].numpy()).ccc
            for column in range(2)
            if float(self._expected[:, column].std()) >= _LEAST_SPREAD
        ]
        return PrecisionCheck(
            precision=precision,
            engine=NAME,
            crops=len(got),
            crops_from=self._crops.source,
            mean_error=float(errors.mean()),
            max_error=float(errors.max()),
            ccc=min((ccc for ccc in cccs if ccc is not None), default=None),
        )


@torch.inference_mode()
def _outputs(model: AffectModel, projected: Tensor) -> Tensor:
    """(T, 2) outputs of one sequence, from a track's beginning."""
    mask = torch.ones(1, len(projected), dtype=torch.bool)
    state = model.temporal.initial_state(1)
    outputs: Tensor = model.temporal.advance(projected[None], mask, state)[0]
    return outputs[0]


def _batches(pieces: Sequence[Image]) -> list[Tensor]:
    return [
        torch.from_numpy(np.ascontiguousarray(piece[start : start + _BATCH]))
        for piece in pieces
        for start in range(0, len(piece), _BATCH)
    ]


def _noise(size: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """(_STEPS, size, size, 3): from one smooth picture to another."""
    ends = [
        cv2.resize(
            generator.uniform(0, 255, (8, 8, 3)), (size, size), interpolation=cv2.INTER_CUBIC
        )
        for _ in range(2)
    ]
    shares = np.linspace(0, 1, _STEPS)[:, None, None, None]
    return np.clip(ends[0] * (1 - shares) + ends[1] * shares, 0, 255).astype(np.uint8)
