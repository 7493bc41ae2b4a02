from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

from affect_training.errors import DataError
from affect_training.evaluate.bootstrap import intervals
from affect_training.evaluate.metrics import measure
from affect_training.evaluate.predictions import Predictions
from affect_training.evaluate.report import summary
from affect_training.evaluate.results import (
    NOT_VALIDATED_FOR,
    Estimate,
    evaluate,
    read_metrics,
    write_metrics,
)

NAN = float("nan")
MakePredictions = Callable[..., Predictions]


@pytest.fixture
def predictions(make_predictions: MakePredictions) -> Predictions:
    generator = np.random.default_rng(0)
    gold = generator.uniform(-0.8, 0.8, (300, 2))
    predicted = np.clip(gold + generator.normal(0.1, 0.2, gold.shape), -1, 1)
    gold[:20] = NAN
    predicted[10:50] = NAN
    return make_predictions(predicted, gold, clips=10, subjects=5)


def printed(what: RenderableType, width: int = 1000) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def test_every_number_is_where_it_belongs(predictions: Predictions) -> None:
    metrics = evaluate(predictions, resamples=100, seed=4)
    measured = measure(predictions)
    rows = predictions.scored
    bounds = intervals(
        predictions.subject[rows], predictions.predicted[rows], predictions.gold[rows], 100, 4
    )
    for dimension in ("valence", "arousal", "mean"):
        for name in ("ccc", "pcc", "mse"):
            estimate = getattr(getattr(metrics, dimension), name)
            assert estimate.value == getattr(getattr(measured.scores, dimension), name)
            interval = bounds[dimension][name]
            assert interval is not None
            assert (estimate.low, estimate.high) == (interval.low, interval.high)
            assert estimate.low <= estimate.value <= estimate.high
    assert (metrics.samples, metrics.rated, metrics.scored) == (300, 280, 250)
    assert metrics.coverage == pytest.approx(250 / 280)
    assert (metrics.clips, metrics.subjects, metrics.split) == (10, 5, "test")
    own = [one.scores.mean for one in measured.subjects]
    assert [row.ccc for row in metrics.per_subject] == [mean.ccc for mean in own]
    assert metrics.subject_ccc is not None
    assert metrics.subject_mse is not None
    assert metrics.subject_ccc.median == pytest.approx(np.median([m.ccc or 0 for m in own]))
    assert metrics.subject_mse.upper_quartile == pytest.approx(
        np.percentile([mean.mse for mean in own], 75)
    )


def test_the_file_holds_what_was_written(predictions: Predictions, tmp_path: Path) -> None:
    metrics = evaluate(predictions, resamples=20)
    write_metrics(tmp_path / "metrics.json", metrics)
    assert read_metrics(tmp_path / "metrics.json") == metrics


def test_what_is_undefined_is_null_and_a_dash(
    make_predictions: MakePredictions, tmp_path: Path
) -> None:
    flat = np.full((8, 2), 0.25)
    metrics = evaluate(make_predictions(flat, flat, clips=2, subjects=2), resamples=20)
    assert metrics.valence.ccc == Estimate(value=None)
    assert metrics.subject_ccc is None
    write_metrics(tmp_path / "metrics.json", metrics)
    assert read_metrics(tmp_path / "metrics.json") == metrics
    text = printed(summary(metrics))
    assert next(line for line in text.splitlines() if "mean" in line).split() == [
        "mean",
        "-",
        "-",
        "0.000",
        "[0.000,",
        "0.000]",
    ]
    assert "CCC is undefined for everyone" in text


def test_the_summary_says_what_numbers_hold_for(predictions: Predictions) -> None:
    metrics = evaluate(predictions, resamples=20)
    text = printed(summary(metrics))
    for said in (
        "vgg19-convlstm on test",
        f"{metrics.arousal.ccc.value:.3f} [{metrics.arousal.ccc.low:.3f}, ",
        "250 of 280 rated samples show a face (coverage 89.3%); 10 clips, 5 subjects.",
        "made-up clips of nobody",
        "labels.csv (cdcdcdcdcdcd), gold standard: mean",
        NOT_VALIDATED_FOR,
        "With 5 subjects they are too narrow.",
    ):
        assert said in text


def test_the_summary_fits_80_columns_and_zero_has_no_sign(predictions: Predictions) -> None:
    metrics = evaluate(predictions, resamples=20)
    widest = Estimate(value=-0.0001, low=-0.12345, high=-0.00001)
    dimension = metrics.valence.model_copy(update={"ccc": widest, "pcc": widest})
    text = printed(summary(metrics.model_copy(update={"valence": dimension})), width=80)
    (row,) = (line for line in text.splitlines() if line.startswith("valence"))
    assert row.count("0.000 [-0.123, 0.000]") == 2
    assert row.count("[") == 3
    assert "-0.000" not in text


def test_one_subject_has_no_intervals_and_the_summary_says_why(
    make_predictions: MakePredictions,
) -> None:
    gold = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    metrics = evaluate(make_predictions(gold * 0.5, gold), resamples=20)
    assert metrics.mean.ccc.low is None
    text = printed(summary(metrics))
    assert "No intervals: there is one subject" in text
    assert "[0." not in text


@pytest.mark.parametrize("content", [None, "{}", "not json", '{"format_version": 2}'])
def test_other_files_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "metrics.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r"metrics.json (cannot be read|is not what)"):
        read_metrics(path)
