from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from affect_training.commands.figures import figures
from affect_training.errors import DataError
from affect_training.evaluate.figures.curves import read_curves
from affect_training.evaluate.figures.labels import Labels
from affect_training.evaluate.figures.write import FigureData, write_figures
from affect_training.evaluate.predictions import Predictions, write_predictions
from affect_training.evaluate.results import NOT_VALIDATED_FOR
from drawn import GOLD, LOG, MakePredictions
from watching import Watch


def test_all_figures_are_written_twice_and_the_page_says_what_they_hold_for(
    predictions: Predictions, tmp_path: Path
) -> None:
    (tmp_path / "metrics.csv").write_text(LOG)
    labels = Labels(GOLD, None, "made up")
    data = FigureData(labels, labels, {"GRU": read_curves(tmp_path / "metrics.csv")}, [predictions])
    watch = Watch()
    files = write_figures(tmp_path / "out", data, watch)
    assert [file.name.split("-")[0] for file in files] == [*["figure"] * 8, "circumplex"]
    assert watch.seen == [("figures", done, 9) for done in range(10)]
    page = (tmp_path / "out" / "figures.md").read_text()
    for file in files:
        assert file.stat().st_size > 5000
        assert file.with_suffix(".svg").read_text().startswith("<?xml")
        assert f"({file.name})" in page
    assert "Trained on: made-up clips of nobody" in page
    assert NOT_VALIDATED_FOR in page
    again = write_figures(tmp_path / "again", FigureData(labels, labels), Watch())
    for one, other in zip(files, again, strict=False):
        assert one.with_suffix(".svg").read_bytes() == other.with_suffix(".svg").read_bytes()


def test_nothing_given_and_data_that_do_not_belong_together_are_refused(
    predictions: Predictions, make_predictions: MakePredictions, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="nothing to draw"):
        write_figures(tmp_path, FigureData(), Watch())
    other = make_predictions(GOLD, GOLD, split="validation")
    with pytest.raises(DataError, match="different splits"):
        FigureData(predictions=[predictions, other])
    (tmp_path / "file").write_text("in the way")
    data = FigureData(predictions=[predictions])
    with pytest.raises(DataError, match=r"file.* cannot be written"):
        write_figures(tmp_path / "file" / "out", data, Watch())


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
    assert "figures.md" in text.replace("\n", "")  # long paths are wrapped
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
