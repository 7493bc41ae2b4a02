from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from typer.testing import CliRunner

from affect_core.temporal import AROUSAL, VALENCE
from affect_training.commands.figures import figures
from affect_training.errors import DataError
from affect_training.evaluate.figures.circumplex import cell_errors, circumplex
from affect_training.evaluate.figures.curves import Curve, mse_curves, read_curves
from affect_training.evaluate.figures.labels import Labels, label_histogram, label_plane
from affect_training.evaluate.figures.sources import emotion_labels
from affect_training.evaluate.figures.traces import spread_clips, trace_figure
from affect_training.evaluate.figures.write import FigureData, write_figures
from affect_training.evaluate.predictions import Predictions, write_predictions
from affect_training.evaluate.results import NOT_VALIDATED_FOR
from affect_training.ratings.types import Floats

NAN = float("nan")
MakePredictions = Callable[..., Predictions]

GOLD = np.random.default_rng(0).uniform(-1, 1, (120, 2))

LOG = """\
epoch,step,train_mse_arousal,train_mse_valence,lr,val_mse_arousal,val_mse_valence
0,9,,,0.1,0.5,0.6
0,9,0.8,0.9,,,
1,19,,,0.2,0.4,nan
1,19,0.7,0.75,,,
2,29,,,0.3,0.3,0.35
"""


def ignore_progress(done: int, total: int) -> None:
    """Nothing to see."""


@pytest.fixture
def predictions(make_predictions: MakePredictions) -> Predictions:
    predicted = np.clip(GOLD * 0.5, -1, 1)
    predicted[5:9] = NAN
    predicted[40:60] *= 0.2
    gold = GOLD.copy()
    gold[100:] = NAN
    return make_predictions(predicted, gold, clips=6, subjects=3)


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(match=_is_text))  # type: ignore[attr-defined]


def _is_text(artist: object) -> bool:
    return hasattr(artist, "get_text") and hasattr(artist, "get_fontsize")


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


def test_all_figures_are_written_twice_and_the_page_says_what_they_hold_for(
    predictions: Predictions, tmp_path: Path
) -> None:
    (tmp_path / "metrics.csv").write_text(LOG)
    labels = Labels(GOLD, None, "made up")
    data = FigureData(labels, labels, {"GRU": read_curves(tmp_path / "metrics.csv")}, [predictions])
    seen: list[tuple[int, int]] = []
    files = write_figures(tmp_path / "out", data, lambda done, total: seen.append((done, total)))
    assert [file.name.split("-")[0] for file in files] == [*["figure"] * 8, "circumplex"]
    assert seen == [(done, 9) for done in range(10)]
    page = (tmp_path / "out" / "figures.md").read_text()
    for file in files:
        assert file.stat().st_size > 5000
        assert file.with_suffix(".svg").read_text().startswith("<?xml")
        assert f"({file.name})" in page
    assert "Trained on: made-up clips of nobody" in page
    assert NOT_VALIDATED_FOR in page
    again = write_figures(tmp_path / "again", FigureData(labels, labels), ignore_progress)
    for one, other in zip(files, again, strict=False):
        assert one.with_suffix(".svg").read_bytes() == other.with_suffix(".svg").read_bytes()


def test_nothing_given_and_data_that_do_not_belong_together_are_refused(
    predictions: Predictions, make_predictions: MakePredictions, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="nothing to draw"):
        write_figures(tmp_path, FigureData(), ignore_progress)
    other = make_predictions(GOLD, GOLD, split="validation")
    with pytest.raises(DataError, match="different splits"):
        FigureData(predictions=[predictions, other])
    (tmp_path / "file").write_text("in the way")
    data = FigureData(predictions=[predictions])
    with pytest.raises(DataError, match=r"file.* cannot be written"):
        write_figures(tmp_path / "file" / "out", data, ignore_progress)


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


def test_the_command_draws_and_says_what_is_wrong(predictions: Predictions, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(figures)
    write_predictions(tmp_path / "p.parquet", predictions)
    (tmp_path / "metrics.csv").write_text(LOG)

    def run(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            app, [str(tmp_path / "out"), *more], env={"COLUMNS": "400", "TERM": "dumb"}
        )
        return done.exit_code, done.output

    chosen = ("--predictions", str(tmp_path / "p.parquet"), "--clip", "clip-0003.mp4")
    code, text = run(*chosen, "--log", f"GRU={tmp_path / 'metrics.csv'}")
    assert code == 0
    assert "figures.md" in text
    assert sorted(file.name for file in (tmp_path / "out").glob("*.png")) == [
        "circumplex-1-vgg19-convlstm.png",
        "figure-09-training-mse.png",
        "figure-10-validation-mse.png",
        "figure-11-traces-1.png",
    ]
    for arguments, said in (
        ((), "nothing to draw"),
        (("--prepared", str(tmp_path / "none")), "no prepared set"),
        (("--log", f"GRU={tmp_path / 'none.csv'}"), "none.csv cannot be read"),
        (("--predictions", str(tmp_path / "p.parquet"), "--clip", "x"), "There is no clip x"),
    ):
        code, text = run(*arguments)
        assert code == 1
        assert said in text
    assert run("--log", "GRU")[0] == 2
