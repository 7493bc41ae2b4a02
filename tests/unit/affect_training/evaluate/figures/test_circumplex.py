from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from affect_training.errors import DataError
from affect_training.evaluate.figures.circumplex import cell_errors, circumplex
from affect_training.evaluate.predictions import Predictions
from affect_training.ratings.types import Floats
from drawn import NAN, MakePredictions, words


@given(
    npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 60), st.just(4)),
        elements=st.integers(-10, 10).map(lambda step: step / 10),
    ),
    st.integers(1, 4),
)
def test_cells_are_means_over_their_samples(values: Floats, least: int) -> None:
    gold, predicted = values[:, :2], values[:, 2:]
    found = cell_errors(predicted, gold, least)
    cells: dict[tuple[int, int], list[int]] = {}
    for row, (valence, arousal) in enumerate(gold):
        # In whole tenths, where edges are exact.
        place = tuple(min(9, (round(10 * v) + 10) // 2) for v in (valence, arousal))
        cells.setdefault((place[0], place[1]), []).append(row)
    kept = [rows for _, rows in sorted(cells.items()) if len(rows) >= least]
    assert found.samples.tolist() == [len(rows) for rows in kept]
    for place_, rows in enumerate(kept):
        assert found.gold[place_] == pytest.approx(gold[rows].mean(axis=0))
        assert found.predicted[place_] == pytest.approx(predicted[rows].mean(axis=0))


def test_the_circumplex_shows_both_densities_on_one_scale(predictions: Predictions) -> None:
    figure = circumplex(predictions)
    left, middle = figure.axes[:2]
    for axes, values in ((left, predictions.gold), (middle, predictions.predicted)):
        (image,) = axes.images
        share = np.nan_to_num(np.asarray(image.get_array()))
        assert share.sum() == pytest.approx(1)
        row, column = np.floor((values[0][::-1] + 1) / 0.05).astype(int)
        assert share[row, column] > 0
    assert left.images[0].norm is middle.images[0].norm
    for said in ("Trained on: made-up clips of nobody", "Mean error by cell", "vgg19-convlstm"):
        assert said in words(figure).replace("\n", " ")


def test_nothing_scored_is_no_circumplex(make_predictions: MakePredictions) -> None:
    with pytest.raises(DataError, match="nothing to draw"):
        circumplex(make_predictions(np.full((3, 2), NAN), np.zeros((3, 2))))
