"""Ratings brought to sample times, by time alone."""

from __future__ import annotations

from typing import Final

import numpy as np

from affect_core.sampling import ON_SCREEN_TOLERANCE_S
from affect_training.ratings.types import Floats, Trace

DEFAULT_MAX_AGE_S: Final = 0.2
"""The paper's sampling period: an older rating belongs to a sample before."""


def join(trace: Trace, sample_s: Floats, max_age_s: float) -> tuple[Floats, Floats]:
    """Arousal and valence, each float64 (samples,), at the sample times; NaN is not rated.

    As frames are sampled, so are ratings: a sample at t takes the rating with the greatest time
    not above t, within half a millisecond, unless it is older than `max_age_s`, or says that
    the annotator did not rate.

    Args:
        trace: one annotator's ratings.
        sample_s: float64 (samples,), seconds from the clip's first frame.
        max_age_s: seconds, positive; half a millisecond is allowed on it too.
    """
    latest = np.searchsorted(trace.time_s, sample_s + ON_SCREEN_TOLERANCE_S, side="right") - 1
    taken = np.maximum(latest, 0)
    fresh = sample_s - trace.time_s[taken] <= max_age_s + ON_SCREEN_TOLERANCE_S
    valid = (latest >= 0) & fresh
    return (
        np.where(valid, trace.arousal[taken], np.nan),
        np.where(valid, trace.valence[taken], np.nan),
    )


def join_all(
    traces: tuple[Trace, ...], sample_s: Floats, max_age_s: float
) -> tuple[Floats, Floats]:
    """`join` of every trace: arousal and valence, each float64 (samples, traces)."""
    pairs = [join(trace, sample_s, max_age_s) for trace in traces]
    return np.stack([a for a, _ in pairs], axis=1), np.stack([v for _, v in pairs], axis=1)
