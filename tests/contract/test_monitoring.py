"""Metrics, rules, alerts, dashboards and their pages agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import make_dashboards
import make_metrics
from affect_client import probing
from affect_client.wire import GATEWAY_CODES, PROBLEMS
from affect_serving.declared import CLIPS, DECLARED
from promql import ROOT, exposed, metrics_of, panels, rules

UNITS = {
    "seconds", "bytes", "ratio", "clips", "frames", "sessions", "requests", "info", "success",
}  # fmt: skip
ALERTS = rules("alerts.yml")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", make_metrics.files(), ids=lambda path: path.name)
def test_what_is_written_from_the_declaration_is_as_it_would_be_written(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == make_metrics.files()[path], "make metrics"


@pytest.mark.parametrize("path", make_dashboards.files(), ids=lambda path: path.name)
def test_dashboards_are_as_they_would_be_written(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == make_dashboards.files()[path], "make metrics"


@pytest.mark.parametrize("metric", [*DECLARED, *probing.METRICS], ids=lambda m: m.name)
def test_names_end_with_their_unit(metric: probing.ProbeMetric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    words = metric.name.removesuffix("_total").split("_")
    assert words[0] == "affect"
    # A counter's and a gauge's things are their unit: attempts, outputs, frames by faces.
    assert set(words) & UNITS or metric.kind == "counter", metric.name
    assert metric.meaning.endswith(".")


def test_names_are_declared_once_and_labels_take_few_values() -> None:
    names = [metric.name for metric in (*DECLARED, *probing.METRICS)]
    assert len(names) == len(set(names))
    for metric in DECLARED:
        assert len(list(metric.known_values())) <= 30


@pytest.mark.parametrize("rule", [*rules("recording.yml"), *ALERTS], ids=lambda r: str(r)[:60])
def test_rules_name_metrics_that_exist(rule: dict[str, str]) -> None:
    named = metrics_of(rule["expr"])
    assert named
    assert named <= exposed()


@pytest.mark.parametrize(("title", "expression"), list(panels()))
def test_panels_name_metrics_that_exist(title: str, expression: str) -> None:
    named = metrics_of(expression)
    assert named
    assert named <= exposed()


def test_every_metric_of_ours_is_looked_at_by_a_rule_or_panel() -> None:
    expressions = [expression for _, expression in panels()]
    expressions += [rule["expr"] for rule in (*rules("recording.yml"), *ALERTS)]
    named = set().union(*map(metrics_of, expressions))
    unseen = {
        metric.name
        for metric in (*DECLARED, *probing.METRICS)
        if not named & {metric.name, f"{metric.name}_count", f"{metric.name}_bucket"}
    }
    assert unseen == {probing.ATTEMPTS.name, probing.LATENCY.name}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_every_alert_has_its_section_in_the_runbook(alert: dict[str, dict[str, str]]) -> None:
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert (ROOT / page).is_file()
    sections = {title.lower() for title in re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)}
    assert anchor in sections
    assert alert["labels"]["severity"] in {"page", "ticket"}


def test_the_runbook_has_no_section_of_an_alert_that_is_gone() -> None:
    sections = set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE))
    assert sections == {alert["alert"] for alert in ALERTS}


def test_the_service_s_own_failures_are_the_codes_of_5xx() -> None:
    failures = {
        code
        for code, (status, _) in PROBLEMS.items()
        if status >= 500 and code not in GATEWAY_CODES
    }
    counted = [r["expr"] for r in rules("recording.yml") if "clip_errors" in r["record"]]
    assert len(counted) == 7
    for expression in counted:
        found = re.search(r'code=~"([^"]*)"', expression)
        assert found is not None
        assert set(found[1].split("|")) == failures <= set(CLIPS.labels[0].values)


def test_burn_rates_are_those_of_the_objective() -> None:
    burns = {
        alert["labels"]["window"]: alert["expr"]
        for alert in ALERTS
        if alert["alert"] == "AffectlineErrorBudgetBurn"
    }
    for window, factor in {"1h": 14.4, "6h": 6, "1d": 3, "3d": 1}.items():
        bounds = re.findall(r"> ([\d.]+)", burns[window])
        assert [float(bound) for bound in bounds] == pytest.approx([factor * 0.005] * 2)
