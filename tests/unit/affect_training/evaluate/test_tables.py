from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from affect_training.commands.tables import table1
from affect_training.errors import DataError
from affect_training.evaluate.predictions import Predictions
from affect_training.evaluate.published import TABLE_1, TABLE_2
from affect_training.evaluate.results import RunMetrics, evaluate, write_metrics
from affect_training.evaluate.tables import (
    comparison_table,
    read_runs,
    render_markdown,
    render_rich,
)

MakePredictions = Callable[..., Predictions]
MakeRun = Callable[..., RunMetrics]

PAPER_1 = """
VGG16-LSTM 0.170 0.219 0.195 0.105 0.130 0.117
VGG19-LSTM 0.361 0.200 0.281 0.119 0.109 0.114
ResNet50-LSTM 0.172 0.163 0.169 0.108 0.162 0.135
InceptionV3-LSTM 0.195 0.166 0.181 0.156 0.172 0.164
"""
PAPER_2 = """
MM-NET 0.196 0.214 0.205 0.134 0.088 0.111
DRC-NET 0.042 0.291 0.167 0.161 0.094 0.128
Aff-Wild_baseline 0.150 0.100 0.125 0.130 0.140 0.135
VGG19-ConvLSTM 0.203 0.240 0.222 0.051 0.097 0.074
"""


@pytest.fixture
def make_run(make_predictions: MakePredictions) -> MakeRun:
    def make(architecture: str, noise: float = 0.2, **more: object) -> RunMetrics:
        generator = np.random.default_rng(0)
        gold = generator.uniform(-0.8, 0.8, (200, 2))
        predicted = np.clip(gold + generator.normal(0, noise, gold.shape), -1, 1)
        made = make_predictions(
            predicted, gold, clips=8, subjects=4, architecture=architecture, **more
        )
        return evaluate(made, resamples=50)

    return make


def rows_of(markdown: str, part: str) -> dict[str, list[str]]:
    """Model to cells, of one part of a table in Markdown; the last row of a name wins."""
    section = markdown.split(f"## {part}")[1].split("##", maxsplit=1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: values for name, *values in cells}


@pytest.mark.parametrize(
    ("rows", "printed"), [(TABLE_1, PAPER_1), (TABLE_2, PAPER_2)], ids=["table1", "table2"]
)
def test_published_numbers_are_the_papers(rows: tuple[object, ...], printed: str) -> None:
    markdown = render_markdown(comparison_table("table1" if rows is TABLE_1 else "table2", []))
    ccc, mse = rows_of(markdown, "(A) CCC"), rows_of(markdown, "(B) MSE")
    for line in printed.split("\n")[1:-1]:
        model, *numbers = line.split()
        assert ccc[model.replace("_", " ")][:3] == numbers[:3]
        assert mse[model.replace("_", " ")][:3] == numbers[3:]


def test_the_convlstm_on_the_students_has_a_ccc_and_no_mse() -> None:
    markdown = render_markdown(comparison_table("table1", []))
    assert rows_of(markdown, "(A) CCC")["VGG19-ConvLSTM"] == ["0.571", "0.592", "0.581", *"---"]
    assert rows_of(markdown, "(B) MSE")["VGG19-ConvLSTM"] == ["-"] * 6


def test_a_run_stands_beside_its_architecture(make_run: MakeRun) -> None:
    run = make_run("vgg19-lstm")
    markdown = render_markdown(comparison_table("table1", [run]))
    cells = rows_of(markdown, "(A) CCC")["VGG19-LSTM"]
    assert cells[:3] == ["0.361", "0.200", "0.281"]
    for cell, found in zip(cells[3:], (run.valence, run.arousal, run.mean), strict=True):
        assert cell == f"{found.ccc.value:.3f} [{found.ccc.low:.3f}, {found.ccc.high:.3f}]"
    mse = rows_of(markdown, "(B) MSE")["VGG19-LSTM"][3]
    assert mse.startswith(f"{run.valence.mse.value:.3f} [")
    assert rows_of(markdown, "(A) CCC")["VGG16-LSTM"][3:] == ["-"] * 3


def test_no_run_is_left_out(make_run: MakeRun) -> None:
    runs = [make_run("vgg19-convlstm", 0.1), make_run("vgg19-convlstm", 0.3), make_run("tiny-gru")]
    table = comparison_table("table2", runs)
    assert [row.measured for row in table.rows if row.measured is not None] == runs
    assert [row.model for row in table.rows][3:5] == ["VGG19-ConvLSTM"] * 2
    last = table.rows[-1]
    assert (last.model, last.published) == ("tiny-gru", None)


def test_the_notes_say_what_may_be_compared(make_run: MakeRun) -> None:
    runs = [make_run("vgg19-gru", smoothing_s=0.4)]
    for which, data in (("table1", "157 clips, 32 students"), ("table2", "Aff-Wild")):
        markdown = render_markdown(comparison_table(which, runs))  # type: ignore[arg-type]
        for said in (
            data,
            "not comparable in absolute terms",
            "test split of labels.csv",
            "trained on: made-up clips of nobody",
            "smoothed over 0.4 s",
            "Not validated for: ",
            "With 4 subjects they are too narrow",
        ):
            assert said in markdown


def test_runs_on_other_data_are_not_put_side_by_side(make_run: MakeRun) -> None:
    first, other = make_run("vgg19-lstm"), make_run("vgg19-gru", split="validation")
    with pytest.raises(DataError, match=r"vgg19-lstm and vgg19-gru .* split test and validation"):
        comparison_table("table1", [first, other])
    for change, name in (
        ({"manifest_sha256": "ef" * 32}, "manifest"),
        ({"gold": "ewe"}, "gold standard"),
        ({"sample_fps": 10.0}, "sampling rate"),
    ):
        source = first.source.model_copy(update=change)
        with pytest.raises(DataError, match=name):
            comparison_table("table1", [first, first.model_copy(update={"source": source})])


def test_the_terminal_shows_whole_numbers_in_80_columns(make_run: MakeRun) -> None:
    run = make_run("vgg19-convlstm", noise=2.0)
    console = Console(width=80)
    with console.capture() as captured:
        console.print(render_rich(comparison_table("table1", [run])))
    text = captured.get()
    assert "…" not in text
    for found in (run.valence, run.arousal, run.mean):
        assert f"{found.ccc.value:.3f}" in text
        assert f"{found.ccc.low:.3f}, {found.ccc.high:.3f}" in text
    assert "InceptionV3-LSTM" in text


def test_runs_are_found_below_a_folder(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_metrics(tmp_path / name / "metrics.json", make_run(f"{name}-lstm"))
    assert [run.source.architecture for run in read_runs(tmp_path)] == ["a-lstm", "b-lstm"]
    with pytest.raises(DataError, match=r"no metrics.json in .*empty"):
        read_runs(tmp_path / "empty")


def test_a_recipe_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(table1)
    arguments = [str(tmp_path / name) for name in ("recipe.yaml", "prepared", "runs")]
    done = CliRunner().invoke(app, [*arguments, "--trained-on", "x"], env={"COLUMNS": "400"})
    assert done.exit_code == 1
    assert "recipe.yaml cannot be read" in done.output
