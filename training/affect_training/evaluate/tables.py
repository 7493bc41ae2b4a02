"""Tables 1 and 2 of the paper: its numbers beside measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from affect_training.errors import DataError
from affect_training.evaluate.published import (
    AFF_WILD,
    STUDENT_DATA,
    TABLE_1,
    TABLE_2,
    Published,
    Triple,
)
from affect_training.evaluate.report import estimate_text, interval_note
from affect_training.evaluate.results import (
    METRICS_FILE,
    NOT_VALIDATED_FOR,
    Estimate,
    RunMetrics,
    read_metrics,
)

Which = Literal["table1", "table2"]
Metric = Literal["ccc", "mse"]

_HEADINGS = ("valence", "arousal", "mean")
_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A model, as published, as measured, or both."""

    model: str
    published: Published | None
    measured: RunMetrics | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table with what must be read along with it."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_runs(folder: Path) -> list[RunMetrics]:
    """The `metrics.json` of every run below `folder`, by path.

    Raises:
        DataError: there is none, or one cannot be read.
    """
    paths = sorted(folder.rglob(METRICS_FILE))
    if not paths:
        raise DataError(f"There is no {METRICS_FILE} in {folder}; run affect-train evaluate first.")
    return [read_metrics(path) for path in paths]


def comparison_table(which: Which, runs: Sequence[RunMetrics]) -> Comparison:
    """The paper's rows with the runs of the same architecture, then all other runs.

    An architecture with several runs has a row for each, and one with none says so.

    Raises:
        DataError: the runs were not measured on the same split of the same ratings, so that
            one table would set apart what it must not.
    """
    _check_comparable(runs)
    paper, data, title = {
        "table1": (TABLE_1, STUDENT_DATA, "Table 1. Backbones and temporal models"),
        "table2": (TABLE_2, AFF_WILD, "Table 2. ConvLSTM, LSTM, GRU and published baselines"),
    }[which]
    rows: list[Row] = []
    for line in paper:
        own = [run for run in runs if run.source.architecture == line.architecture]
        rows.extend(Row(line.model, line, run) for run in own or (None,))
    known = {line.architecture for line in paper}
    rows.extend(
        Row(run.source.architecture, None, run)
        for run in runs
        if run.source.architecture not in known
    )
    return Comparison(title, tuple(rows), tuple(_notes(data, runs)))


def render_rich(table: Comparison) -> Group:
    """For the terminal; intervals stand below their values."""
    parts: list[Table | Text] = [Text(table.title, style="bold")]
    for part, metric in _PARTS:
        # Narrow enough for 80 columns.
        shown = Table(
            title=part,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            padding=0,
        )
        shown.add_column("", overflow="fold")
        for kind in ("paper", "measured"):
            for heading in _HEADINGS:
                shown.add_column(f"{kind}\n{heading}", justify="right", no_wrap=True)
        for row in table.rows:
            measured = (text.replace(" [", "\n").rstrip("]") for text in _measured(row, metric))
            shown.add_row(row.model, *_published(row, metric), *measured)
        parts += [shown, Text()]
    return Group(*parts, *(Text(note) for note in table.notes))


def render_markdown(table: Comparison) -> str:
    """For a file."""
    lines = [f"# {table.title}"]
    columns = [f"{kind} {name}" for kind in ("paper", "measured") for name in _HEADINGS]
    for part, metric in _PARTS:
        lines += ["", f"## {part}", "", _line(["model", *columns])]
        lines.append(_line(["---", *["---:"] * len(columns)]))
        lines += [
            _line([row.model, *_published(row, metric), *_measured(row, metric)])
            for row in table.rows
        ]
    lines += ["", "## How to read this", "", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


_PARTS: tuple[tuple[str, Metric], ...] = (("(A) CCC", "ccc"), ("(B) MSE", "mse"))


def _check_comparable(runs: Sequence[RunMetrics]) -> None:
    for run in runs[1:]:
        first = runs[0]
        for name, left, right in (
            ("split", first.split, run.split),
            ("manifest", first.source.manifest_sha256, run.source.manifest_sha256),
            ("gold standard", first.source.gold, run.source.gold),
            ("sampling rate", first.source.sample_fps, run.source.sample_fps),
        ):
            if left != right:
                raise DataError(
                    f"The runs {first.source.architecture} and {run.source.architecture} were not "
                    f"measured on the same data: {name} {left} and {right}. Evaluate them again "
                    "on one, or put them in folders of their own."
                )


def _notes(data: str, runs: Sequence[RunMetrics]) -> Iterable[str]:
    yield (
        f"Published numbers are Mi, Zhao and Gao's (2020), on {data}. Measured ones are on other "
        "data, so the two are not comparable in absolute terms: compare the order of the models "
        "within each, not one with the other."
    )
    if not runs:
        yield "Nothing was measured yet."
        return
    source = runs[0].source
    yield (
        f"Measured on the {runs[0].split} split of {source.manifest} "
        f"({source.manifest_sha256[:12]}), {runs[0].subjects} subjects. Coverage, by row: "
        + ", ".join(f"{run.source.architecture} {run.coverage:.1%}" for run in runs)
        + "."
    )
    yield interval_note(runs[0])
    for run in runs:
        smoothing = run.source.output_smoothing_s
        filtered = f" Outputs smoothed over {smoothing:g} s." if smoothing else ""
        yield (
            f"{run.source.architecture} (weights {run.source.weights_sha256[:12]}) was trained "
            f"on: {run.source.trained_on}{filtered}"
        )
    yield f"Not validated for: {NOT_VALIDATED_FOR}"


def _published(row: Row, metric: Metric) -> list[str]:
    found: Triple | None = getattr(row.published, metric, None)
    if found is None:
        return [_ABSENT] * 3
    return [f"{value:.3f}" for value in (found.valence, found.arousal, found.mean)]


def _measured(row: Row, metric: Metric) -> list[str]:
    run = row.measured
    if run is None:
        return [_ABSENT] * 3
    estimates: list[Estimate] = [
        getattr(dimension, metric) for dimension in (run.valence, run.arousal, run.mean)
    ]
    return [estimate_text(estimate) for estimate in estimates]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
