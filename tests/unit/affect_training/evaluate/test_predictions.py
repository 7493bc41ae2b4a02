from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from affect_training.errors import DataError
from affect_training.evaluate.predictions import (
    Predictions,
    check_pairs,
    read_predictions,
    write_predictions,
)

NAN = float("nan")
MakePredictions = Callable[..., Predictions]

PREDICTED = np.array([[0.1, -0.2], [NAN, NAN], [0.3, 1.0], [-1.0, 0.0]])
GOLD = np.array([[0.0, 0.5], [0.1, 0.1], [NAN, NAN], [0.2, -0.4]])


@pytest.fixture
def four(make_predictions: MakePredictions) -> Predictions:
    return make_predictions(PREDICTED, GOLD, clips=2, subjects=2)


def test_a_file_holds_what_was_written(four: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    write_predictions(path, four)
    back = read_predictions(path)
    assert (back.source, back.split) == (four.source, four.split)
    for field in dataclasses.fields(Predictions)[2:]:
        left, right = getattr(back, field.name), getattr(four, field.name)
        assert left.dtype.kind == right.dtype.kind
        assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.parquet"]


def test_the_file_has_the_columns_agreed_and_null_where_something_is_missing(
    four: Predictions, tmp_path: Path
) -> None:
    write_predictions(tmp_path / "p.parquet", four)
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column_names == [
        "clip",
        "subject",
        "split",
        "sample",
        "time_s",
        "arousal",
        "valence",
        "arousal_gold",
        "valence_gold",
        "track",
        "score",
    ]
    rows = table.to_pylist()
    assert (rows[0]["valence"], rows[0]["arousal"]) == (0.1, -0.2)
    assert (rows[0]["valence_gold"], rows[0]["arousal_gold"]) == (0.0, 0.5)
    for name in ("arousal", "valence", "track", "score"):
        assert [row[name] is None for row in rows] == [False, True, False, False]
    for name in ("arousal_gold", "valence_gold"):
        assert [row[name] is None for row in rows] == [False, False, True, False]


def test_masks_tell_face_rated_and_both_apart(four: Predictions) -> None:
    assert four.has_face.tolist() == [True, False, True, True]
    assert four.rated.tolist() == [True, True, False, True]
    assert four.scored.tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip": np.array(["a", "b", "a", "b"])}, "not together"),
        ({"subject": np.array(["x", "y", "z", "z"])}, "two subjects"),
        ({"sample": np.array([0, 0, 0, 1])}, "sample does not increase"),
        ({"time_s": np.array([0.2, 0.2, 0, 0.2])}, "time_s does not increase"),
        ({"time_s": np.array([0.0, np.inf, 0, 0.2])}, "not finite"),
        ({"track": np.array([0, 0, 0, 0])}, "track"),
        ({"track": np.array([-2, -1, 0, 0])}, "track"),
        ({"score": np.array([NAN, NAN, 0.5, 0.5])}, "score"),
        ({"score": np.array([1.5, NAN, 0.5, 0.5])}, "score"),
        ({"predicted": PREDICTED * 1.01}, "predicted: a value is outside"),
        ({"gold": GOLD * 3}, "gold: a value is outside"),
        ({"gold": np.array([[NAN, 0.1], *GOLD[1:]])}, "one of valence and arousal"),
        ({"gold": GOLD[:3]}, "gold is"),
        ({"sample": np.zeros(4)}, "sample is"),
        ({"split": "both"}, "split"),
    ],
)
def test_what_cannot_be_is_refused(four: Predictions, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(four, **change)


def test_no_rows_are_refused(four: Predictions) -> None:
    nothing = {f.name: getattr(four, f.name)[:0] for f in dataclasses.fields(four)[2:]}
    with pytest.raises(ValueError, match="no samples"):
        dataclasses.replace(four, **nothing)


def test_pairs_at_the_edge_of_the_plane_are_good() -> None:
    check_pairs("edge", np.array([[-1.0, 1.0], [NAN, NAN]]))


def test_other_files_are_named_in_one_sentence(four: Predictions, tmp_path: Path) -> None:
    absent, text, other = tmp_path / "no.parquet", tmp_path / "t.parquet", tmp_path / "o.parquet"
    text.write_text("clip,subject\n")
    pq.write_table(pa.table({"clip": ["a"]}), other)
    for path in (absent, text, other):
        with pytest.raises(DataError, match=path.name):
            read_predictions(path)


def test_a_file_changed_by_hand_is_refused(four: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, four)
    table = pq.read_table(path)
    at = table.column_names.index("valence")
    pq.write_table(table.set_column(at, "valence", pa.array([0.1, None, 7.0, 0.0])), path)
    with pytest.raises(DataError, match=r"damaged.*outside"):
        read_predictions(path)
    at = table.column_names.index("split")
    two = table.set_column(at, "split", pa.array(["test", "test", "train", "train"]))
    pq.write_table(two, path)
    with pytest.raises(DataError, match="2 splits"):
        read_predictions(path)
