from __future__ import annotations

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.evaluate.figures.traces import spread_clips, trace_figure
from affect_training.evaluate.predictions import Predictions
from drawn import GOLD, NAN, MakePredictions, words


def test_traces_break_where_no_face_is(predictions: Predictions) -> None:
    figure = trace_figure([predictions], "clip-0000.mp4")
    for dimension, axes in enumerate(figure.axes):
        lines = {line.get_label(): line for line in axes.lines}
        drawn = np.asarray(lines["predicted"].get_ydata(), dtype=float)
        assert drawn == pytest.approx(predictions.predicted[:20, dimension], nan_ok=True)
        assert np.isnan(drawn[5:9]).all()
        gold = np.asarray(lines["gold standard"].get_ydata(), dtype=float)
        assert gold == pytest.approx(GOLD[:20, dimension])
        (shade,) = axes.patches
        box = shade.get_extents().transformed(axes.transData.inverted())
        assert (box.x0, box.x1) == pytest.approx((0.9, 1.7))
    assert "made-up clips of nobody" in words(figure)
    with pytest.raises(DataError, match="no clip nothing in the test predictions"):
        trace_figure([predictions], "nothing")


def test_a_sample_between_two_gaps_is_a_dot(make_predictions: MakePredictions) -> None:
    predicted = np.full((5, 2), NAN)
    predicted[2] = 0.25, -0.25
    axes = trace_figure([make_predictions(predicted, np.zeros((5, 2)))], "clip-0000.mp4").axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert [np.asarray(dot.get_xydata()).tolist() for dot in dots] == [[[0.4, 0.25]]]


def test_clips_to_show_are_best_median_and_worst(make_predictions: MakePredictions) -> None:
    gold = np.zeros((50, 2))
    off = np.repeat([0.5, 0.1, 0.3, 0.2, 0.4], 10)[:, None]
    found = spread_clips(make_predictions(gold + off, gold, clips=5))
    assert found == ("clip-0001.mp4", "clip-0002.mp4", "clip-0000.mp4")
    assert spread_clips(make_predictions(gold, gold)) == ("clip-0000.mp4",)
    with pytest.raises(DataError, match="nothing to draw"):
        spread_clips(make_predictions(np.full((3, 2), NAN), gold[:3]))
