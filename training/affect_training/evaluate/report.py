"""A run's metrics for people, in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from affect_training.evaluate.bootstrap import FEW_SUBJECTS
from affect_training.evaluate.predictions import PredictionSource
from affect_training.evaluate.results import Estimate, RunMetrics, SubjectSpread
from affect_training.numerals import counted, decimals


def summary(metrics: RunMetrics) -> Group:
    """Metrics with intervals, the spread over subjects, and what all of it holds for."""
    source = metrics.source
    # Narrow enough for 80 columns.
    table = Table(
        title=f"{source.architecture} on {metrics.split}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("")
    for name in ("CCC", "PCC", "MSE"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("valence", "arousal", "mean"):
        found = getattr(metrics, name)
        table.add_row(name, *(estimate_text(e) for e in (found.ccc, found.pcc, found.mse)))
    lines = [
        _extent(metrics),
        spread_text("CCC", metrics.subject_ccc),
        spread_text("MSE", metrics.subject_mse),
        interval_note(metrics),
        f"Measured on: {_data(source)}.",
        f"Weights trained on: {source.trained_on}",
        f"Not validated for: {metrics.not_validated_for}",
    ]
    return Group(table, Text(), *(Text(line) for line in lines))


def estimate_text(estimate: Estimate) -> str:
    """For example `0.431 [0.312, 0.523]`; a dash where the metric is undefined."""
    if estimate.value is None:
        return "-"
    value = decimals(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{decimals(estimate.low)}, {decimals(estimate.high)}]"


def spread_text(name: str, found: SubjectSpread | None) -> str:
    """One sentence on how a metric differs from subject to subject."""
    if found is None:
        return f"Per subject: {name} is undefined for everyone."
    undefined = f"; undefined for {found.undefined}" if found.undefined else ""
    return (
        f"Per subject: {name} median {decimals(found.median)}, middle half "
        f"{decimals(found.lower_quartile)} to {decimals(found.upper_quartile)} "
        f"({counted(found.subjects, 'subject')}{undefined})."
    )


def interval_note(metrics: RunMetrics) -> str:
    """How the intervals came about, and how far to trust them."""
    how = metrics.bootstrap
    if metrics.subjects == 1:
        return "No intervals: there is one subject, and intervals come from resampling subjects."
    note = (
        f"Intervals: {how.confidence:.0%}, {how.resamples} resamples of subjects (seed {how.seed})."
    )
    if metrics.subjects < FEW_SUBJECTS:
        note += f" With {metrics.subjects} subjects they are too narrow."
    return note


def _extent(metrics: RunMetrics) -> str:
    return (
        f"{metrics.scored} of {metrics.rated} rated samples show a face (coverage "
        f"{metrics.coverage:.1%}); {counted(metrics.clips, 'clip')}, "
        f"{counted(metrics.subjects, 'subject')}."
    )


def _data(source: PredictionSource) -> str:
    digest = source.manifest_sha256[:12]
    return f"{source.manifest} ({digest}), gold standard: {source.gold}"
