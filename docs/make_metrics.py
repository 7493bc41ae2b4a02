"""Writes from `affect_serving.declared` what TorchServe registers and what people read.

`make metrics` writes the end of TorchServe's metrics.yaml and the tables of docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from affect_client import probing
from affect_serving.declared import BOTH, DECLARED, OF_CLIPS, OF_LIVE, Metric
from reference_text import table

DOCS: Final = Path(__file__).parent
PAGE: Final = DOCS / "metrics.md"
YAML: Final = DOCS.parent / "training/affect_training/torchserve/metrics.yaml"
_BEGIN: Final = "# From affect_serving/declared.py by `make metrics`; do not edit."
_MODEL_METRICS: Final = f"""{_BEGIN}
# TorchServe adds the label Hostname. Its own two gauges need their names here.
model_metrics:
"""
_OF_TORCHSERVE: Final = (
    '    - {name: HandlerTime, unit: ms, dimensions: ["ModelName", "Level"]}\n'
    '    - {name: PredictionTime, unit: ms, dimensions: ["ModelName", "Level"]}\n'
)


def files() -> dict[Path, str]:
    """Every file that is written, whole."""
    page = PAGE.read_text(encoding="utf-8")
    for name, rows in tables().items():
        begin, end = f"<!-- {name}: make metrics -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        lines = table(("metric", "kind", "labels", "meaning"), rows)
        page = f"{before}{begin}" + "\n".join(lines[:-1]) + f"\n{end}{after}"
    before, _, _ = YAML.read_text(encoding="utf-8").partition(_BEGIN)
    return {PAGE: page, YAML: before + model_metrics()}


def model_metrics() -> str:
    """The section of metrics.yaml that declares ours."""
    text = _MODEL_METRICS
    for kind in ("counter", "gauge", "histogram"):
        text += f"  {kind}:\n"
        for metric in DECLARED:
            if metric.kind == kind:
                names = ", ".join(f'"{label.name}"' for label in metric.labels)
                text += (
                    f"    - {{name: {metric.name}, unit: {metric.unit}, dimensions: [{names}]}}\n"
                )
        text += _OF_TORCHSERVE if kind == "gauge" else ""
    return text


def tables() -> dict[str, Iterator[list[str]]]:
    """Rows of each table of the page."""
    return {
        "clips": _rows(OF_CLIPS),
        "live": _rows(OF_LIVE),
        "both": _rows(BOTH),
        "probe": ([f"`{m.name}`", m.kind, _labels(m.labels), m.meaning] for m in probing.METRICS),
    }


def _rows(metrics: Sequence[Metric]) -> Iterator[list[str]]:
    for metric in metrics:
        labels = _labels([label.name for label in metric.labels])
        yield [f"`{metric.name}`", metric.kind, labels, metric.meaning]


def _labels(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
