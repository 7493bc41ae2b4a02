"""Names in PromQL, and what may stand for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from affect_client import probing
from affect_serving.declared import DECLARED

ROOT: Final = Path(__file__).parents[1]
RULES: Final = ROOT / "docker" / "prometheus" / "rules"
DASHBOARDS: Final = sorted((ROOT / "docker" / "grafana" / "dashboards").glob("*.json"))
_NAME: Final = re.compile(r"(?<![\w:$\"])[a-zA-Z_:][\w:]*(?![\w:]*\s*\()")
_WORDS: Final = {
    "by", "on", "and", "or", "unless", "without", "ignoring", "group_left", "group_right",
    "bool", "offset", "inf", "nan",
}  # fmt: skip
_PROMETHEUS: Final = {"up", "ALERTS"}


def rules(file: str) -> list[dict[str, Any]]:
    """The rules of one file."""
    groups = yaml.safe_load((RULES / file).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    """Every panel's expression, after dashboard and title."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def metrics_of(expression: str) -> set[str]:
    """The metrics that an expression names."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right) *\([^)]*\)", " ", bare)
    return {name for name in _NAME.findall(bare) if name not in _WORDS}


def exposed() -> set[str]:
    """What the service, its probe, TorchServe and Prometheus expose, and what is recorded."""
    names = set(_PROMETHEUS)
    for metric in (*DECLARED, *probing.METRICS):
        names.add(metric.name)
        if metric.kind == "histogram":
            names |= {f"{metric.name}_{end}" for end in ("bucket", "sum", "count")}
    store = ROOT / "training/affect_training/torchserve/metrics.yaml"
    torchserve = yaml.safe_load(store.read_text(encoding="utf-8"))["ts_metrics"]
    names |= {metric["name"] for kind in torchserve.values() for metric in kind}
    return names | {rule["record"] for rule in rules("recording.yml")}
