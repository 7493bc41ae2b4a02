"""Error by group of people, against sums over rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from affect_training.cli import app
from affect_training.errors import DataError
from affect_training.evaluate.bootstrap import draw_subjects
from affect_training.evaluate.groups import group_errors, read_groups
from affect_training.evaluate.predictions import Predictions, write_predictions
from affect_training.ratings.types import Floats

MakePredictions = Callable[..., Predictions]
PEOPLE = 6
SUBJECTS = [f"subject-{number:03d}" for number in range(PEOPLE)]


def made(make_predictions: MakePredictions, seed: int) -> Predictions:
    """Sixty samples of six people; some without a face, some unrated."""
    rng = np.random.default_rng(seed)
    predicted, gold = rng.uniform(-1, 1, (2, 60, 2))
    predicted[rng.random(60) < 0.2] = np.nan
    gold[rng.random(60) < 0.2] = np.nan
    predicted[::10], gold[::10] = 0.5, 0.1  # everybody has one
    return make_predictions(predicted, gold, clips=PEOPLE, subjects=PEOPLE)


def rows_of(predictions: Predictions, inside: set[str]) -> Floats:
    kept = predictions.scored & np.isin(predictions.subject, sorted(inside))
    return (predictions.predicted[kept] - predictions.gold[kept]) ** 2


@given(st.integers(0, 999), st.lists(st.sampled_from("abc"), min_size=PEOPLE, max_size=PEOPLE))
def test_a_groups_error_is_that_of_its_rows(
    make_predictions: MakePredictions, seed: int, letters: list[str]
) -> None:
    predictions = made(make_predictions, seed)
    of_subject = dict(zip(SUBJECTS, letters, strict=True))
    found = group_errors(predictions, {"letter": of_subject}, resamples=50, seed=seed)
    whole = rows_of(predictions, set(SUBJECTS))
    assert {one.group for one in found} == set(letters)
    assert sum(one.subjects for one in found) == PEOPLE
    assert sum(one.samples for one in found) == len(whole)
    for one in found:
        own = rows_of(predictions, {s for s in SUBJECTS if of_subject[s] == one.group})
        assert one.samples == len(own)
        assert one.mse == pytest.approx(own.mean())
        assert one.ratio == pytest.approx(own.mean() / whole.mean())
        assert (one.interval is None) or one.subjects > 1
    shares = [one.ratio * one.samples for one in found]
    assert sum(shares) == pytest.approx(len(whole))


def test_the_interval_is_of_resampled_rows(make_predictions: MakePredictions) -> None:
    predictions = made(make_predictions, 3)
    of_subject = {name: "first" if k < 4 else "last" for k, name in enumerate(SUBJECTS)}
    (first, _) = group_errors(predictions, {"half": of_subject}, resamples=40, seed=5)
    ratios = []
    for times in draw_subjects(PEOPLE, 40, 5):
        drawn = [name for name, n in zip(SUBJECTS, times, strict=True) for _ in range(n)]
        rows = {name: rows_of(predictions, {name}) for name in SUBJECTS}
        own = np.concatenate([rows[name] for name in drawn if of_subject[name] == "first"])
        ratios.append(own.mean() / np.concatenate([rows[name] for name in drawn]).mean())
    assert first.interval is not None
    low, high = np.percentile(ratios, [2.5, 97.5])
    assert (first.interval.low, first.interval.high) == pytest.approx((low, high))


def written(folder: Path, **columns: list[object]) -> Path:
    path = folder / "people.csv"
    pd.DataFrame({"subject": SUBJECTS, **columns}).to_csv(path, index=False)
    return path


def test_columns_that_tell_people_apart_make_groups(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        beard=["none", "full", "none", "none", "full", "none"],
        name=list("abcdef"),
        species=["human"] * PEOPLE,
        known=["yes", None, "no", "no", "yes", "no"],
        clips=[1, 2, 1, 2, 1, 2],
    )
    found = read_groups(path, set(SUBJECTS))
    assert set(found) == {"beard", "clips"}
    assert found["beard"]["subject-001"] == "full"
    assert list(dict.fromkeys(found["clips"].values())) == ["1", "2"]


def test_numbers_are_cut_into_three_groups_of_people(tmp_path: Path) -> None:
    rows = pd.DataFrame({"subject": range(9), "age": [70, 18, 25, 31, 44, 52, 66, 39, 20]})
    doubled = pd.concat([rows, rows])
    doubled["time_s"] = np.arange(len(doubled))
    path = tmp_path / "manifest.parquet"
    doubled.to_parquet(path)
    found = read_groups(path, {str(number) for number in range(9)})
    assert set(found) == {"age"}
    assert list(dict.fromkeys(found["age"].values())) == ["18 to 25", "31 to 44", "52 to 70"]
    assert found["age"]["0"] == "52 to 70"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_groups(tmp_path / "missing.csv", set(SUBJECTS))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no table")
    with pytest.raises(DataError, match="neither CSV nor Parquet"):
        read_groups(broken, set(SUBJECTS))
    path = written(tmp_path, one=[1] * PEOPLE)
    with pytest.raises(DataError, match="no column that tells"):
        read_groups(path, set(SUBJECTS))
    with pytest.raises(DataError, match="nothing of 1 subjects, such as nobody"):
        read_groups(path, {*SUBJECTS, "nobody"})


def test_the_command_prints_them_and_fails_where_one_is_too_wrong(
    make_predictions: MakePredictions, tmp_path: Path
) -> None:
    gold = np.zeros((60, 2))
    predicted = np.full((60, 2), 0.1)
    predicted[:20] = 0.5
    predictions = tmp_path / "predictions.parquet"
    write_predictions(predictions, make_predictions(predicted, gold, clips=PEOPLE, subjects=PEOPLE))
    people = written(tmp_path, beard=["full", "full", "none", "none", "none", "none"])
    done = CliRunner().invoke(app, ["groups", str(predictions), str(people)])
    assert done.exit_code == 0, done.output
    assert "made-up clips of nobody" in done.output
    # 0.25 for a third, 0.01 for the others: 0.09 on average.
    assert "2.78" in done.output
    done = CliRunner().invoke(app, ["groups", str(predictions), str(people), "--most", "1.25"])
    assert done.exit_code == 1
    assert "Above 1.25 times the mean: beard full" in done.output
