from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.errors import DataError
from affect_training.evaluate.figures.labels import Labels, label_histogram, label_plane
from affect_training.evaluate.figures.sources import emotion_labels
from drawn import NAN, words


@pytest.mark.parametrize("dimension", [VALENCE, AROUSAL])
def test_histograms_hold_every_value_of_their_dimension_once(dimension: int) -> None:
    values = np.array([[-1.0, 0.3], [1.0, 0.31], [1.0, -0.99]])
    (axes,) = label_histogram(Labels(values, None, "made up"), dimension).axes
    bars = {round(bar.get_x(), 2): bar.get_height() for bar in axes.patches if bar.get_height()}  # type: ignore[attr-defined]
    expected = {-1.0: 1 / 3, 0.95: 2 / 3} if dimension == VALENCE else {0.3: 2 / 3, -1.0: 1 / 3}
    assert bars == pytest.approx(expected)
    assert axes.get_xlabel() == ("valence", "arousal")[dimension]


def test_the_plane_has_valence_to_the_right_and_tells_emotions_apart() -> None:
    names = np.array(["focus", "fatigue", "focus", ""])
    values = np.array([[0.5, 0.1], [-0.5, -0.6], [0.7, 0.2], [0.0, 0.9]])
    figure = label_plane(Labels(values, names, "made up"))
    points = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    drawn = {tuple(row) for c in points for row in np.asarray(c.get_offsets()).tolist()}
    assert drawn == {tuple(row) for row in values.tolist()}
    assert len({str(c.get_facecolor()) for c in points}) == 3
    for said in ("fatigue", "focus", "not named", "excitement", "relaxation", "4 values: made up."):
        assert said in words(figure)
    plain = label_plane(Labels(values, None, "made up"))
    assert "distress" in words(plain)
    assert not plain.legends


def test_labels_check_themselves() -> None:
    with pytest.raises(ValueError, match="values"):
        Labels(np.zeros((0, 2)), None, "none")
    with pytest.raises(ValueError, match="unrated"):
        Labels(np.full((2, 2), NAN), None, "none")
    with pytest.raises(ValueError, match="outside"):
        Labels(np.full((2, 2), 1.5), None, "none")
    with pytest.raises(ValueError, match="emotions"):
        Labels(np.zeros((2, 2)), np.array(["a"]), "none")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_emotions_come_from_the_manifest_where_it_has_them(tmp_path: Path, suffix: str) -> None:
    pd = pytest.importorskip("pandas")
    path = tmp_path / f"labels{suffix}"
    frame = pd.DataFrame(
        {"clip": ["a", "a", "b"], "arousal": [0.1, None, -0.2], "valence": [0.5, None, 0.25]}
    )
    write = frame.to_csv if suffix == ".csv" else frame.to_parquet
    write(path, index=False)
    assert emotion_labels(path) is None
    frame["emotion"] = ["focus", "boredom", None]
    write = frame.to_csv if suffix == ".csv" else frame.to_parquet
    write(path, index=False)
    labels = emotion_labels(path)
    assert labels is not None
    assert labels.emotion is not None
    assert labels.emotion.tolist() == ["focus", ""]
    assert labels.values.tolist() == [[0.5, 0.1], [0.25, -0.2]]
    path.write_bytes(b"\x00PAR1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix == ".parquet":
            with pytest.raises(DataError, match=r"labels.parquet cannot be read"):
                emotion_labels(path)
