from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.evaluate.figures.curves import Curve, mse_curves, read_curves
from drawn import LOG, NAN


def test_lightnings_log_is_read_with_its_half_empty_rows(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(LOG)
    curves = read_curves(tmp_path / "metrics.csv")
    assert curves["train_mse_valence"].epoch.tolist() == [0, 1]
    assert curves["train_mse_valence"].value.tolist() == [0.9, 0.75]
    assert curves["val_mse_arousal"].value.tolist() == [0.5, 0.4, 0.3]
    assert curves["val_mse_valence"].value == pytest.approx([0.6, NAN, 0.35], nan_ok=True)


def test_a_resumed_run_overwrites_what_it_repeats(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(LOG + "1,19,,,0.2,0.45,0.55\n")
    curve = read_curves(tmp_path / "metrics.csv")["val_mse_valence"]
    assert curve.epoch.tolist() == [0, 1, 2]
    assert curve.value.tolist() == [0.6, 0.55, 0.35]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("epoch,step\n0,1\n", "no column train_mse_valence"),
        (LOG.splitlines()[0] + "\n", "no value of train_mse_valence"),
        (LOG + "3,3,,,,x,0.1\n", "line 7"),
        (LOG + "3,3,,,,-0.1,0.1\n", "line 7: epoch 3, error -0.1"),
        (LOG + "nan,3,,,,0.1,0.1\n", "line 7"),
    ],
)
def test_a_log_that_cannot_be_drawn_is_named(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "metrics.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as failure:
        read_curves(path)
    assert str(path) in str(failure.value)


def test_curves_have_a_panel_for_each_dimension_and_a_line_for_each_model() -> None:
    def curve(level: float) -> Curve:
        return Curve(np.array([0.0, 1.0]), np.array([level, level / 2]))

    models = {
        name: {
            f"{part}_mse_{dimension}": curve(level + 0.1 * (dimension == "arousal"))
            for part, level in (("train", base), ("val", 2 * base))
            for dimension in ("valence", "arousal")
        }
        for name, base in (("LSTM", 0.2), ("GRU", 0.3))
    }
    left, right = mse_curves(models, "val", "made up").axes
    assert [line.get_ydata()[0] for line in left.lines] == [0.4, 0.6]  # type: ignore[index]
    assert [line.get_ydata()[0] for line in right.lines] == [0.5, 0.7]  # type: ignore[index]
    assert [line.get_label() for line in left.lines] == ["LSTM", "GRU"]
    assert (left.get_title(loc="left"), left.get_ylim()[0]) == ("Validation: valence", 0)
    with pytest.raises(ValueError, match="no model"):
        mse_curves({}, "val", "nothing")
    with pytest.raises(ValueError, match="increase"):
        Curve(np.array([1.0, 1.0]), np.zeros(2))
