"""Crops of any tracks -> valence and arousal, with each track's state kept between calls."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from affect_core.runtime import Runtime
from affect_core.sequences import join_states, pack, split_state, unpack
from affect_core.smoothing import Smoothed, smooth_step
from affect_core.temporal import AROUSAL, VALENCE, TemporalState
from affect_core.types import FaceCrop

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Inferred:
    """(valence, arousal) of each crop in [-1, 1], and the seconds it took."""

    values: list[tuple[float, float]]
    backbone_s: float
    temporal_s: float


class TrackInference(Generic[KeyT]):
    """The model and the temporal state of every track it has seen.

    A track's numbers depend on its own crops only, in order: how they are spread over calls
    and which other tracks share a call changes them by rounding alone (1e-5 in float32).
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._states: dict[KeyT, TemporalState] = {}
        self._smoothed: dict[KeyT, Smoothed] = {}

    def advance(
        self, keys: Sequence[KeyT], times_s: Sequence[float], crops: Sequence[FaceCrop]
    ) -> Inferred:
        """Value the crops together, each continuing the track named by its key.

        Args:
            keys: one for each crop; those of one track in time order.
            times_s: one for each crop, in seconds.
            crops: any number; none gives no values.
        """
        if not len(keys) == len(times_s) == len(crops):
            raise ValueError(f"{len(keys)} keys, {len(times_s)} times, {len(crops)} crops")
        if not crops:
            return Inferred([], 0.0, 0.0)
        rows: dict[KeyT, list[int]] = {}
        for position, key in enumerate(keys):
            rows.setdefault(key, []).append(position)
        started = time.perf_counter()
        features = self._runtime.features(crops)
        featured = time.perf_counter()
        before = [self._states.get(key) or self._runtime.initial_state() for key in rows]
        sequences = list(rows.values())
        outputs, after = self._runtime.temporal(pack(features, sequences), join_states(before))
        self._states.update(zip(rows, split_state(after), strict=True))
        flat = unpack(outputs, sequences).tolist()
        values = [
            self._smooth(key, time_s, (row[VALENCE], row[AROUSAL]))
            for key, time_s, row in zip(keys, times_s, flat, strict=True)
        ]
        ended = time.perf_counter()
        return Inferred(values, featured - started, ended - featured)

    def forget(self, key: KeyT) -> None:
        """Drop a track's state; nothing happens where there is none."""
        self._states.pop(key, None)
        self._smoothed.pop(key, None)

    def _smooth(self, key: KeyT, time_s: float, values: tuple[float, float]) -> tuple[float, float]:
        state = smooth_step(
            self._smoothed.get(key), time_s, values, self._runtime.output_smoothing_s
        )
        self._smoothed[key] = state
        return state.values
