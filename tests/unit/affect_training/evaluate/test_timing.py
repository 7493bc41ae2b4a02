"""Steps and lags of outputs that are known to tremble and to be late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from affect_training.cli import app
from affect_training.evaluate.predictions import Predictions, write_predictions
from affect_training.evaluate.timing import measure_timing
from affect_training.ratings.types import Floats

MakePredictions = Callable[..., Predictions]
ROWS = 300
TIME_S = np.arange(ROWS // 3) / 5


def wave(time_s: Floats) -> Floats:
    """(n, 2): slow beside the lags that are tried."""
    return np.column_stack([0.6 * np.sin(time_s / 2), 0.5 * np.cos(time_s / 3)])


@given(st.integers(-5, 15), st.floats(0.2, 1))
def test_the_lag_is_the_delay_whatever_the_scale(
    make_predictions: MakePredictions, samples: int, scale: float
) -> None:
    gold = np.tile(wave(TIME_S), (3, 1))
    late = np.tile(wave(TIME_S - samples / 5), (3, 1)) * scale
    found = measure_timing(make_predictions(late, gold, clips=3))
    assert [one.lag_s for one in found] == [samples / 5] * 2


def test_a_low_pass_is_behind_by_its_time_constant(make_predictions: MakePredictions) -> None:
    gold = np.tile(wave(TIME_S / 2), (3, 1))
    gain, out = -np.expm1(-0.2 / 0.6), gold.copy()
    for row in range(1, ROWS):
        if row % 100:
            out[row] = out[row - 1] + gain * (gold[row] - out[row - 1])
    for one in measure_timing(make_predictions(out, gold, clips=3)):
        # Held between samples, a step of 0.2 s is seen at its end.
        assert one.lag_s == pytest.approx(0.5, abs=0.06)


def test_steps_count_within_a_track_while_the_rating_stays(
    make_predictions: MakePredictions,
) -> None:
    gold = np.zeros((8, 2))
    gold[4:, 0] = 0.5  # valence moves once
    gold[6] = np.nan
    predicted = np.array([0.0, 0.1, 0.0, np.nan, 0.3, 0.4, 0.6, 0.0])[:, None] * [1, -1]
    valence, arousal = measure_timing(make_predictions(predicted, gold))
    # 0 to 0.1, 0.1 to 0, 0.3 to 0.4: not across the gap, nor to the sample nobody rated.
    assert [valence.pairs, arousal.pairs] == [3, 3]
    assert [valence.step, arousal.step] == pytest.approx([0.1, 0.1])
    assert (valence.lag_s, arousal.lag_s) == (None, None)
    two = measure_timing(make_predictions(np.zeros((2, 2)), np.zeros((2, 2)), clips=2))
    assert [(one.pairs, one.step) for one in two] == [(0, None)] * 2


def test_the_command_prints_both(make_predictions: MakePredictions, tmp_path: Path) -> None:
    gold = np.tile(wave(TIME_S), (3, 1))
    late = np.tile(wave(TIME_S - 0.4), (3, 1))
    write_predictions(tmp_path / "p.parquet", make_predictions(late, gold, clips=3))
    done = CliRunner().invoke(app, ["timing", str(tmp_path / "p.parquet")])
    assert done.exit_code == 0, done.output
    assert done.output.count("0.40 s") == 2
    assert "made-up clips of nobody" in done.output
