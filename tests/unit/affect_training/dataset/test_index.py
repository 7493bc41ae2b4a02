from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from affect_training.dataset.index import (
    COLUMNS,
    SampleRatings,
    annotator_weights,
    build_index,
    concat_samples,
    join_samples,
)
from affect_training.dataset.record import SCHEMA
from affect_training.ratings.types import RatedClip, Trace

NAN = float("nan")


def trace(annotator: str, values: list[float]) -> Trace:
    """A rating at every fifth of a second."""
    arousal = np.array(values, dtype=np.float64)
    return Trace(annotator, np.arange(len(values), dtype=np.float64) / 5, arousal, -arousal)


@pytest.fixture
def rated() -> dict[str, RatedClip]:
    return {
        "a.mp4": RatedClip(Path("/a.mp4"), "s1", None, (trace("B", [0.1, 0.2]),)),
        "b.mp4": RatedClip(
            Path("/b.mp4"), "s2", None, (trace("A", [0.5, NAN, 0.7]), trace("B", [0.3, NAN, NAN]))
        ),
    }


@pytest.fixture
def samples() -> pd.DataFrame:
    faces = [("a.mp4", 0, 0), ("a.mp4", 1, 0), ("a.mp4", 2, None), ("a.mp4", 3, None)]
    faces += [("b.mp4", 0, 0), ("b.mp4", 1, None), ("b.mp4", 2, 1)]
    rows = [
        {"clip": clip, "sample": sample, "time_s": sample / 5, "track": track}
        for clip, sample, track in faces
    ]
    return concat_samples([pa.Table.from_pylist(part, SCHEMA) for part in (rows[:4], rows[4:])])


def test_each_clip_gets_its_own_annotators(
    samples: pd.DataFrame, rated: dict[str, RatedClip]
) -> None:
    joined = join_samples(samples, rated, 0.1)
    assert joined.annotators == ("A", "B")
    assert np.array_equal(joined.arousal[:, 0], [NAN] * 4 + [0.5, NAN, 0.7], equal_nan=True)
    assert np.array_equal(joined.arousal[:, 1], [0.1, 0.2, NAN, NAN, 0.3, NAN, NAN], equal_nan=True)
    assert np.array_equal(joined.valence, -joined.arousal, equal_nan=True)


def test_an_index_has_a_row_for_every_sample(
    samples: pd.DataFrame, rated: dict[str, RatedClip]
) -> None:
    joined = join_samples(samples, rated, 0.1)
    weights = annotator_weights(joined, "mean")
    index = build_index(samples, rated, {"s1": "train", "s2": "test"}, joined, weights)
    assert tuple(index.columns) == COLUMNS
    assert index["subject"].tolist() == ["s1"] * 4 + ["s2"] * 3
    assert index["split"].tolist() == ["train"] * 4 + ["test"] * 3
    assert np.allclose(index["arousal"], [0.1, 0.2, NAN, NAN, 0.4, NAN, 0.7], equal_nan=True)
    assert np.allclose(index["valence"], -index["arousal"], equal_nan=True)
    assert index["annotators"].tolist() == [1, 1, 0, 0, 2, 0, 1]
    assert index["track"].isna().tolist() == [False, False, True, True, False, True, False]
    assert str(index["track"].dtype) == "Int64"


def test_weights_are_those_of_the_whole_set() -> None:
    truth = np.sin(np.linspace(0, 6, 60)) / 2
    arousal = np.stack([truth, truth, -truth], axis=1)
    ratings = SampleRatings(("A", "B", "C"), arousal, arousal)
    weights = annotator_weights(ratings, "ewe")
    assert weights["A"].arousal == pytest.approx(1)
    assert weights["C"].valence == 0
    assert {w.arousal for w in annotator_weights(ratings, "mean").values()} == {1.0}


def test_ratings_have_one_column_for_each_annotator() -> None:
    with pytest.raises(ValueError, match="1 names"):
        SampleRatings(("A",), np.zeros((3, 2)), np.zeros((3, 2)))
