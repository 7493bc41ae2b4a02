"""Writes the PrometheusRule of Kubernetes from Prometheus' own rules: `make metrics`.

kustomize can put a file into a ConfigMap and not into the middle of another object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

_HERE: Final = Path(__file__).parent
RULES: Final = sorted((_HERE.parent / "prometheus" / "rules").glob("*.yml"))
WRITTEN: Final = _HERE / "components" / "monitoring" / "rules.yaml"


def text() -> str:
    """The object, as YAML."""
    groups = [
        group
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "affect", "namespace": "affectline"},
        "spec": {"groups": groups},
    }
    written = yaml.safe_dump(rule, sort_keys=False, allow_unicode=True, width=100)
    return f"# From docker/prometheus/rules by `make metrics`; do not edit.\n{written}"


if __name__ == "__main__":
    WRITTEN.write_text(text(), encoding="utf-8")
