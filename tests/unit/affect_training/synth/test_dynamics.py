from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_training.synth.dynamics import STEP_S, affect_traces, perform, wander
from affect_training.synth.expression import MAX_UNIT, columns

NOBODY = np.zeros(52)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([5.0, 12.5, 25.0]))
def test_every_frame_has_labels_units_and_a_pose(seed: int, frames: int, fps: float) -> None:
    performance = perform(frames, fps, NOBODY, rng(seed))
    assert performance.time_s == pytest.approx(np.arange(frames) / fps)
    assert (np.abs(performance.arousal) <= 1).all()
    assert (np.abs(performance.valence) <= 1).all()
    assert (performance.units >= 0).all()
    assert (performance.units <= MAX_UNIT).all()
    assert np.isfinite(performance.pose).all()
    assert np.isfinite(performance.gaze).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_frame_rate_changes_nothing_but_the_frames(seed: int) -> None:
    slow, fast = perform(40, 5, NOBODY, rng(seed)), perform(200, 25, NOBODY, rng(seed))
    for name in ("arousal", "valence", "units", "pose", "gaze", "shift"):
        np.testing.assert_array_equal(getattr(slow, name), getattr(fast, name)[::5])


def test_a_stern_resting_face_leaves_the_labels_alone() -> None:
    stern = np.zeros(52)
    stern[columns("mouthFrown")] = 0.4
    plain, sterner = perform(50, 5, NOBODY, rng(3)), perform(50, 5, stern, rng(3))
    np.testing.assert_array_equal(plain.arousal, sterner.arousal)
    np.testing.assert_array_equal(plain.valence, sterner.valence)
    more = sterner.units - plain.units
    assert (more[:, columns("mouthFrown")] >= 0.4 * 0.4 - 1e-9).all()
    assert np.abs(more).max() <= 0.4 + 1e-9


def test_traces_cover_the_square_and_move() -> None:
    grid = np.arange(0, 10, STEP_S, dtype=np.float64)
    traces = np.stack([affect_traces(grid, rng(seed)) for seed in range(120)])
    for arousal_sign in (-1, 1):
        for valence_sign in (-1, 1):
            inside = (traces[..., 0] * arousal_sign > 0) & (traces[..., 1] * valence_sign > 0)
            assert 0.15 < inside.mean() < 0.35
    assert np.abs(traces).mean() > 0.35
    assert np.median(np.ptp(traces, axis=1)) > 0.3


def test_nothing_jumps() -> None:
    grid = np.arange(0, 20, STEP_S, dtype=np.float64)
    for seed in range(20):
        assert np.abs(np.diff(affect_traces(grid, rng(seed)), axis=0)).max() < 0.15


def test_eyes_blink_shut_and_open_again() -> None:
    lids = np.concatenate(
        [perform(3000, 50, NOBODY, rng(seed)).units[:, columns("eyeBlink")] for seed in range(6)]
    )
    shut = lids.min(axis=1) > 0.9
    blinks = np.count_nonzero(np.diff(shut.astype(int)) == 1)
    assert 6 * 6 < blinks < 6 * 30  # a minute each
    assert shut.mean() < 0.1


def test_wandering_has_the_stated_spread_and_memory() -> None:
    values = wander(np.arange(0, 2000, STEP_S, dtype=np.float64), 0.5, rng(0))
    assert abs(values.mean()) < 0.15
    assert 0.85 < values.std() < 1.05
    lag = round(0.5 / STEP_S)
    correlation = np.corrcoef(values[:-lag], values[lag:])[0, 1]
    assert correlation == pytest.approx(np.exp(-1), abs=0.08)
