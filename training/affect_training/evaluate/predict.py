"""A checkpoint and a split of a prepared set -> predictions.

The clips themselves go through the pipeline that serves, so the numbers are the server's; the
gold standard is the prepared set's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affect_core.checkpoint import Checkpoint
from affect_core.engines import DeviceChoice
from affect_core.events import ClipFailed, ClipJob, FrameDone
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_core.types import FrameAffect, Sampling
from affect_training.dataset.clip import LIMITS
from affect_training.dataset.detector import required_detector
from affect_training.dataset.prepared import PreparedSet
from affect_training.errors import DataError
from affect_training.evaluate.predictions import (
    DIMENSIONS,
    NO_TRACK,
    Predictions,
    PredictionSource,
    check_pairs,
)
from affect_training.progress import Progress
from affect_training.ratings.types import Floats, Split

_log = logging.getLogger(__name__)

_CLIPS_AT_ONCE: Final = 4
"""Held in memory as files, and decoded side by side."""


@dataclass(frozen=True, slots=True, eq=False)
class GoldClip:
    """A clip, and the gold standard at its samples.

    `name` as the manifest has it. `sample` int64 (n,), `time_s` float64 (n,): n >= 1. `gold`
    float64 (n, 2): valence and arousal in [-1, 1], both NaN where unrated.
    """

    name: str
    path: Path
    subject: str
    sample: NDArray[np.int64]
    time_s: Floats
    gold: Floats

    def __post_init__(self) -> None:
        rows = len(self.sample)
        if rows == 0 or self.time_s.shape != (rows,) or self.gold.shape != (rows, 2):
            raise ValueError(f"{rows} samples, {self.time_s.shape} times, {self.gold.shape} gold")
        check_pairs("gold", self.gold)


def gold_clips(prepared: PreparedSet, split: Split, clips: Path | None = None) -> list[GoldClip]:
    """A split's clips, in the index's order.

    Args:
        prepared: as opened.
        split: which.
        clips: the folder that clips' names are relative to; None: the manifest's.

    Raises:
        DataError: the split is empty, or a clip's file is gone.
    """
    folder = clips or Path(prepared.info.manifest).parent
    rows = prepared.index[prepared.index["split"] == split]
    found = [_gold_clip(str(name), folder, own) for name, own in rows.groupby("clip", sort=False)]
    if not found:
        raise DataError(f"The prepared set {prepared.folder} has no clip in the split {split}.")
    missing = [clip for clip in found if not clip.path.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"The clip {missing[0].path}{more} is gone since it was prepared. If the clips have "
            "moved, name the folder of their manifest with --clips."
        )
    return found


def predict(
    checkpoint: Checkpoint,
    prepared: PreparedSet,
    split: Split,
    device: DeviceChoice,
    *,
    progress: Progress,
    clips: Path | None = None,
) -> Predictions:
    """What the model says about every sample of a split.

    Args:
        checkpoint: belongs to the pipeline from then on.
        prepared: where clips and gold standard come from. Its crops are not used: frames are
            cropped again as the checkpoint's spec says.
        split: which clips.
        device: where the model runs.
        progress: told of samples as they become known.
        clips: as `gold_clips`.

    Raises:
        DataError: the checkpoint samples at another rate than the set was prepared at, its
            detector cannot run here, or a clip cannot be read or has changed.
    """
    wanted = gold_clips(prepared, split, clips)
    source = _source(checkpoint, prepared)
    pipeline = _pipeline(checkpoint, device)
    total, done = sum(len(clip.sample) for clip in wanted), 0
    answered: list[_Answered] = []
    advance = progress(f"{source.architecture}: samples of {split}")
    advance(0, total)
    try:
        for start in range(0, len(wanted), _CLIPS_AT_ONCE):
            batch = wanted[start : start + _CLIPS_AT_ONCE]
            frames: list[list[FrameAffect]] = [[] for _ in batch]
            for job, frame in _frames(pipeline, batch, source.sample_fps):
                frames[job].append(frame)
                done += 1
                advance(min(done, total), total)
            answered.extend(_answered(clip, own) for clip, own in zip(batch, frames, strict=True))
    finally:
        pipeline.close()
    return Predictions(
        source=source,
        split=split,
        clip=np.concatenate([np.full(len(clip.sample), clip.name) for clip in wanted]),
        subject=np.concatenate([np.full(len(clip.sample), clip.subject) for clip in wanted]),
        sample=np.concatenate([clip.sample for clip in wanted]),
        time_s=np.concatenate([clip.time_s for clip in wanted]),
        predicted=np.concatenate([own.predicted for own in answered]),
        gold=np.concatenate([clip.gold for clip in wanted]),
        track=np.concatenate([own.track for own in answered]),
        score=np.concatenate([own.score for own in answered]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """The model's side of one clip's rows, as in `Predictions`."""

    predicted: Floats
    track: NDArray[np.int64]
    score: Floats


def _gold_clip(name: str, folder: Path, rows: pd.DataFrame) -> GoldClip:
    return GoldClip(
        name=name,
        path=folder / name,
        subject=str(rows["subject"].iloc[0]),
        sample=rows["sample"].to_numpy(dtype=np.int64),
        time_s=rows["time_s"].to_numpy(dtype=np.float64),
        gold=rows[list(DIMENSIONS)].to_numpy(dtype=np.float64),
    )


def _source(checkpoint: Checkpoint, prepared: PreparedSet) -> PredictionSource:
    spec, info = checkpoint.spec, prepared.info
    if spec.preprocess.sample_fps != info.preprocess.sample_fps:
        raise DataError(
            f"The checkpoint samples {spec.preprocess.sample_fps:g} frames a second and "
            f"{prepared.folder} was prepared at {info.preprocess.sample_fps:g}; prepare the clips "
            "again at the checkpoint's rate."
        )
    if spec.preprocess.detector != info.preprocess.detector:
        _log.warning(
            "the checkpoint finds faces with %s, the prepared set with %s",
            spec.preprocess.detector,
            info.preprocess.detector,
        )
    return PredictionSource(
        architecture=spec.architecture.name,
        weights_sha256=checkpoint.weights_sha256,
        trained_on=spec.provenance.trained_on,
        output_smoothing_s=spec.output_smoothing_s,
        sample_fps=spec.preprocess.sample_fps,
        manifest=Path(info.manifest).name,
        manifest_sha256=info.manifest_sha256,
        gold=info.gold,
        versions={name: version(name) for name in ("affectline", "torch", "torchmetrics")},
    )


def _pipeline(checkpoint: Checkpoint, device: DeviceChoice) -> AffectPipeline:
    preprocess = checkpoint.spec.preprocess
    detect = required_detector(preprocess.detector)
    return AffectPipeline(Runtime(checkpoint, device), detect, preprocess, LIMITS)


def _frames(
    pipeline: AffectPipeline, clips: Sequence[GoldClip], sample_fps: float
) -> Iterator[tuple[int, FrameAffect]]:
    """(position in `clips`, frame) as the pipeline knows them; in order within a clip."""
    sampling = Sampling(fps=sample_fps, faces="primary")
    events = pipeline.events([ClipJob(_read(clip.path), sampling) for clip in clips])
    try:
        for event in events:
            if isinstance(event, ClipFailed):
                reason = event.error or "a defect of affectline, which the log places"
                raise DataError(f"The clip {clips[event.job].path} cannot be read: {reason}")
            if isinstance(event, FrameDone):
                yield event.job, event.frame
    finally:
        events.close()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"The clip {path} cannot be read: {error.strerror}.") from error


def _answered(clip: GoldClip, frames: Sequence[FrameAffect]) -> _Answered:
    if [frame.index for frame in frames] != clip.sample.tolist():
        raise DataError(
            f"The clip {clip.path} has {len(frames)} samples now and had {len(clip.sample)} when "
            "it was prepared: it has changed. Prepare the clips again."
        )
    predicted = np.full((len(frames), 2), np.nan)
    track = np.full(len(frames), NO_TRACK, dtype=np.int64)
    score = np.full(len(frames), np.nan)
    for row, frame in enumerate(frames):
        for face in frame.faces:
            predicted[row] = face.valence, face.arousal
            track[row], score[row] = face.face.track, face.face.detection.score
    return _Answered(predicted, track, score)
