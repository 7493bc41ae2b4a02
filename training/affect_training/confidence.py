"""Confidence, learned when everything else has been: how often frames like this one come out right.

A small network over what the model sees of a frame learns whether both outputs come within a
tolerance of the gold standard, on the validation split: on people whom the weights were trained on
they would come out right too often. Half of these people teach the network, augmented so that
there are frames that come out wrong; on the other half, as they are, its logits are calibrated
(Platt 1999: a slope and an offset by maximum likelihood).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from affect_core.confidence import ConfidenceHead, seen_of
from affect_core.model import AffectModel
from affect_core.smoothing import smooth_track
from affect_core.spec import ConfidenceSpec
from affect_training.dataset.prepared import PreparedSet, TrackRef
from affect_training.errors import DataError
from affect_training.fit.augment import Augment
from affect_training.fit.data import CropSource, gold_of
from affect_training.fit.recipe import AugmentConfig
from affect_training.fit.windows import Window
from affect_training.progress import Advance

HARD: Final = AugmentConfig(
    rotation_degrees=25, shift=0.12, scale=0.25, light=0.5, blur=0.5, coarse=0.6, noise=0.12,
    cut_out=0.6,
)  # fmt: skip
"""What confidence is taught with: harder than what models learn from, so that some are wrong."""
_STEPS: Final = 400
_PIECE: Final = 64
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Standard:
    """What counts as right.

    tolerance: of each output. smoothing_s: the time constant of the low-pass that is served.
    """

    tolerance: float
    smoothing_s: float

    def met(self, track: TrackRef, outputs: Tensor) -> Tensor:
        """Which of a whole track's outputs, (n, 2), are right as served; (n,) bool."""
        served = smooth_track(track.time_s, outputs.double().numpy(), self.smoothing_s)
        return ((torch.from_numpy(served) - gold_of(track)).abs() <= self.tolerance).all(1)


@dataclass(frozen=True, slots=True)
class SeenFrames:
    """What a model saw and said of N frames, and whether it was right.

    seen: (N, C + 2) float32, as `ConfidenceHead` takes it. right: (N,) bool.
    """

    seen: Tensor
    right: Tensor

    def __post_init__(self) -> None:
        if self.seen.ndim != 2 or self.right.shape != self.seen.shape[:1]:
            raise ValueError(f"shapes {tuple(self.seen.shape)}, {tuple(self.right.shape)}")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How confidence agrees with what came out right, on people who taught it nothing but scale.

    confidence, share: (bins,) mean confidence and share that came out right, of frames by tenths
    of confidence; count: frames in each. error: their mean distance, weighted by frames (expected
    calibration error, Naeini et al. 2015).
    """

    confidence: list[float]
    share: list[float]
    count: list[int]
    error: float


def learn_confidence(
    model: AffectModel,
    prepared: PreparedSet,
    spec: ConfidenceSpec,
    *,
    smoothing_s: float,
    views: int,
    seed: int,
    advance: Advance,
) -> tuple[ConfidenceHead, Calibration]:
    """The network for a model, and how well it is calibrated.

    Args:
        model: float32 on the CPU, in evaluation mode.
        prepared: its validation split is used.
        spec: width and tolerance.
        smoothing_s: of the outputs that are served, the time constant.
        views: augmented copies of the teaching half.
        seed: of the augmentation and the network's first weights.
        advance: told of crops.

    Raises:
        DataError: there are not two people with ratings, or all frames come out alike.
    """
    standard = Standard(spec.tolerance, smoothing_s)
    taught, kept = _halves(prepared)
    crops = [sum(map(len, tracks)) for tracks in (taught, kept)]
    whole, done = crops[0] * (views + 1) + crops[1], 0
    parts: list[SeenFrames] = []
    for view in range(views + 1):
        augment = None if view == 0 else Augment(HARD)
        source = CropSource(prepared, taught, model.crop_size, augment)
        parts.append(look(model, source, taught, standard, seed + view))
        done += crops[0]
        advance(done, whole)
    source = CropSource(prepared, kept, model.crop_size, None)
    plain = look(model, source, kept, standard, 0)
    advance(whole, whole)
    teaching = SeenFrames(
        torch.cat([part.seen for part in parts]), torch.cat([part.right for part in parts])
    )
    for frames in (teaching, plain):
        if frames.right.all() or not frames.right.any():
            raise DataError(
                f"Of {len(frames.right)} frames all came out alike: choose another tolerance than "
                f"{spec.tolerance}, or prepare more subjects."
            )
    head = _taught(spec, teaching, seed)
    _calibrate(head, plain)
    with torch.inference_mode():
        sure = torch.sigmoid(head.logits(plain.seen))
    return head, calibration_of(sure.double().numpy(), plain.right.numpy())


def _halves(prepared: PreparedSet) -> tuple[list[TrackRef], list[TrackRef]]:
    """Tracks of every other person of the validation split."""
    tracks = [t for t in prepared.tracks("validation") if not np.isnan(t.arousal).all()]
    people = sorted({track.subject for track in tracks})
    if len(people) < 2:
        raise DataError(f"{prepared.folder} has no two rated people in its validation split.")
    even = set(people[::2])
    return [t for t in tracks if t.subject in even], [t for t in tracks if t.subject not in even]


@torch.inference_mode()
def look(
    model: AffectModel,
    source: CropSource,
    tracks: Sequence[TrackRef],
    standard: Standard,
    seed: int,
) -> SeenFrames:
    """Run the model over whole tracks; a track's draw of the augmentation holds along it."""
    seen: list[Tensor] = []
    right: list[Tensor] = []
    for number, track in enumerate(tracks):
        draw = int(np.random.default_rng((seed, number)).integers(2**31))
        state = model.temporal.initial_state(1)
        said: list[Tensor] = []
        rated = torch.from_numpy(~np.isnan(track.arousal))
        for start in range(0, len(track), _PIECE):
            stop = min(start + _PIECE, len(track))
            projected = model.projected(source.read(Window(number, start, stop, draw)))
            mask = torch.ones((1, stop - start), dtype=torch.bool)
            outputs, state = model.temporal.advance(projected[None], mask, state)
            said.append(outputs[0])
            seen.append(seen_of(projected, outputs[0])[rated[start:stop]])
        right.append(standard.met(track, torch.cat(said))[rated])
    return SeenFrames(torch.cat(seen), torch.cat(right))


def _taught(spec: ConfidenceSpec, frames: SeenFrames, seed: int) -> ConfidenceHead:
    """The network after a few hundred steps over all frames at once."""
    seen, right = frames.seen.clone(), frames.right.float()
    mean, deviation = seen.mean(0), seen.std(0).clamp(min=1e-4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = ConfidenceHead(spec, seen.shape[1] - 2)
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    scaled = (seen - mean) / deviation
    for _ in range(_STEPS):
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(head.logits(scaled), right).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        # The scaling goes into the layer: (x - m) / d . w + b = x . (w / d) + b - m . (w / d).
        head.first.weight /= deviation
        head.first.bias.sub_(head.first.weight @ mean)
    return head.requires_grad_(requires_grad=False)


def _calibrate(head: ConfidenceHead, frames: SeenFrames) -> None:
    """Scale and shift the logits so that they are those of what comes out right."""
    logits = head.logits(frames.seen).double()
    right = frames.right.double()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(scale * logits + shift, right)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        head.last.weight *= scale.float()
        head.last.bias.mul_(scale.float()).add_(shift.float())


def calibration_of(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Confidence beside the share that came out right, by tenths of confidence."""
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    bins = [place == number for number in range(_BINS) if (place == number).any()]
    confidence = [float(sure[own].mean()) for own in bins]
    share = [float(right[own].mean()) for own in bins]
    count = [int(own.sum()) for own in bins]
    distance = np.abs(np.subtract(confidence, share))
    return Calibration(confidence, share, count, float(np.average(distance, weights=count)))
