"""A causal first-order low-pass over a track's arousal and valence, for any sampling.

    y_0 = x_0,  y_t = y_{t-1} + (1 - exp(-dt / tau)) (x_t - y_{t-1})

is the exact response of an RC filter with time constant tau to an input held between samples
(Oppenheim and Willsky 1997, section 6.6.1, with a zero-order hold). It looks back only, so
clips, streams and live sessions give the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The filter's state: its last time in seconds and last values (valence, arousal)."""

    time_s: float
    values: tuple[float, float]


def smooth_step(
    before: Smoothed | None, time_s: float, values: tuple[float, float], tau_s: float
) -> Smoothed:
    """The filter after one more sample of its track.

    Args:
        before: the state at the track's last sample; None at its first.
        time_s: of this sample, after `before`'s.
        values: unfiltered, each in [-1, 1].
        tau_s: the time constant, >= 0; 0 changes nothing.
    """
    if before is None or tau_s == 0:
        return Smoothed(time_s, values)
    gain = -math.expm1(-(time_s - before.time_s) / tau_s)
    valence, arousal = (y + gain * (x - y) for x, y in zip(values, before.values, strict=True))
    return Smoothed(time_s, (valence, arousal))


def smooth_track(
    time_s: NDArray[np.float64], values: NDArray[np.float64], tau_s: float
) -> NDArray[np.float64]:
    """A whole track: times (n,) increasing, values (n, 2) -> filtered values (n, 2)."""
    if values.shape != (len(time_s), 2):
        raise ValueError(f"values {values.shape} for {len(time_s)} times")
    state: Smoothed | None = None
    filtered = np.empty_like(values)
    for row, (time, (valence, arousal)) in enumerate(zip(time_s, values, strict=True)):
        state = smooth_step(state, float(time), (float(valence), float(arousal)), tau_s)
        filtered[row] = state.values
    return filtered
