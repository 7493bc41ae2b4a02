"""Crops of any tracks -> valence and arousal, each track going on from its memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from affect_core.runtime import Runtime
from affect_core.sequences import join_states, pack, split_state, unpack
from affect_core.session import TrackMemory
from affect_core.smoothing import smooth_step
from affect_core.temporal import AROUSAL, VALENCE
from affect_core.types import FaceCrop


@dataclass(frozen=True, slots=True)
class Inferred:
    """Of each crop (valence, arousal) in [-1, 1] and confidence in [0, 1]; the seconds it took."""

    values: list[tuple[float, float]]
    confidences: list[float | None]
    backbone_s: float
    temporal_s: float


def infer(
    runtime: Runtime,
    memories: Sequence[TrackMemory],
    times_s: Sequence[float],
    crops: Sequence[FaceCrop],
) -> Inferred:
    """Value the crops together: one call of the backbone, one of the temporal model.

    A track's numbers depend on its own crops only, in order: how they are spread over calls
    and which other tracks share a call changes them by rounding alone (1e-5 in float32).

    Args:
        runtime: the model.
        memories: one for each crop, the same one for each of a track's, whose crops are in time
            order. They are changed.
        times_s: one for each crop, in seconds.
        crops: any number; none gives no values.
    """
    if not len(memories) == len(times_s) == len(crops):
        raise ValueError(f"{len(memories)} memories, {len(times_s)} times, {len(crops)} crops")
    if not crops:
        return Inferred([], [], 0.0, 0.0)
    rows: dict[TrackMemory, list[int]] = {}
    for position, memory in enumerate(memories):
        rows.setdefault(memory, []).append(position)
    started = time.perf_counter()
    projected = runtime.projected(crops)
    featured = time.perf_counter()
    before = [memory.temporal or runtime.initial_state() for memory in rows]
    sequences = list(rows.values())
    outputs, after = runtime.temporal(pack(projected, sequences), join_states(before))
    for memory, state in zip(rows, split_state(after), strict=True):
        memory.temporal = state
    of_crops = unpack(outputs, sequences)
    confidences = runtime.confidence(projected, of_crops)
    values = []
    for memory, time_s, row in zip(memories, times_s, of_crops.tolist(), strict=True):
        memory.smoothed = smooth_step(
            memory.smoothed, time_s, (row[VALENCE], row[AROUSAL]), runtime.output_smoothing_s
        )
        values.append(memory.smoothed.values)
    ended = time.perf_counter()
    return Inferred(values, confidences, featured - started, ended - featured)
