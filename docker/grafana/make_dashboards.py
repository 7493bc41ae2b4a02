"""Writes Grafana's dashboards: `make metrics`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

FOLDER: Final = Path(__file__).parent / "dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH: Final = 24
_HEIGHT: Final = 8
_COLUMNS: Final = 3


@dataclass(frozen=True)
class Panel:
    """One picture: PromQL expressions by legend.

    `unit` is Grafana's name of it; `span` is how many of the row's three columns it takes.
    """

    title: str
    unit: str
    queries: dict[str, str]
    kind: Literal["timeseries", "stat", "bargauge"] = "timeseries"
    span: int = 1


def _by(label: str, metric: str, window: str = "5m") -> str:
    return f"sum by ({label}) (rate({metric}[{window}]))"


def _mean(metric: str, by: str = "") -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({metric}_sum[5m])) / sum{group} (rate({metric}_count[5m]))"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[5m])))"


DASHBOARDS: Final[dict[str, list[Panel]]] = {
    "overview": [
        Panel("Replicas up", "none", {"up": 'sum(up{job="affect"})'}, "stat"),
        Panel("Failed by the service, 1 h", "percentunit",
              {"failed": "affect:clip_errors:ratio_rate1h"}, "stat"),
        Panel("Known clip, distance", "percentunit",
              {"{{output}}": "affect_probe_distance_ratio"}, "stat"),
        Panel("Clips a second by outcome", "cps", {"{{code}}": _by("code", "affect_clips_total")}),
        Panel("Seconds of video answered a second", "none",
              {"video": "sum(rate(affect_clip_seconds_total[5m]))"}),
        Panel("Frames a second", "cps", {"{{outcome}}": _by("outcome", "affect_frames_total")}),
        Panel("Wait for a worker, mean", "s", {"wait": "affect:wait_seconds:mean5m"}),
        Panel("Work on a clip, mean", "s", {"work": _mean("affect_answer_seconds")}),
        Panel("Real-time factor", "none", {
            "median": _quantile(0.5, "affect_real_time_factor_ratio"),
            "95%": _quantile(0.95, "affect_real_time_factor_ratio"),
        }),
        Panel("Served", "none", {
            "{{model}} {{version}} {{precision}} {{device}} {{weights}}": "affect_model_info",
        }, "stat", 2),
        Panel("Alerts", "none", {
            "{{alertname}} {{severity}}": 'ALERTS{alertstate="firing"}',
        }, "stat"),
    ],
    "stages": [
        Panel("Seconds a clip by stage, mean", "s",
              {"{{stage}}": _mean("affect_stage_seconds", "stage")}, span=3),
        *(
            Panel(f"{stage}: median and 95%", "s", {
                f"{round(share * 100)}%": (
                    f"histogram_quantile({share}, sum by (le) "
                    f'(rate(affect_stage_seconds_bucket{{stage="{stage}"}}[5m])))'
                )
                for share in (0.5, 0.95)
            })
            for stage in ("decode", "detect", "backbone", "temporal", "encode")
        ),
        Panel("Clips in hand together, mean", "none", {"clips": _mean("affect_batch_clips")}),
        Panel("Until the first turn at decoding", "s", {
            "mean": _mean("affect_queue_seconds"),
            "95%": _quantile(0.95, "affect_queue_seconds"),
        }),
        Panel("Frames a second by faces", "cps",
              {"{{faces}}": _by("faces", "affect_frames_by_faces_total")}),
    ],
    "live": [
        Panel("Sessions", "none", {"{{instance}}": "affect_live_sessions"}),
        Panel("Sessions a second", "cps", {
            "started": "sum(rate(affect_live_sessions_started_total[5m]))",
            "ended": "sum(rate(affect_live_sessions_ended_total[5m]))",
            "expired": "sum(rate(affect_live_sessions_expired_total[5m]))",
        }),
        Panel("Requests a second by outcome", "cps",
              {"{{code}}": _by("code", "affect_live_requests_total")}),
        Panel("From arrival to answer", "s", {
            "median": _quantile(0.5, "affect_live_answer_seconds"),
            "99%": _quantile(0.99, "affect_live_answer_seconds"),
        }),
        Panel("Seconds a request by stage, mean", "s",
              {"{{stage}}": _mean("affect_live_stage_seconds", "stage")}),
        Panel("Requests a batch, mean", "none", {"requests": _mean("affect_live_batch_requests")}),
        Panel("Batches a second", "cps", {"batches": "sum(rate(affect_live_batches_total[5m]))"}),
        Panel("Frames a second", "cps",
              {"{{outcome}}": _by("outcome", "affect_live_frames_total")}, span=2),
    ],
    "drift": [
        Panel("Population stability index, 6 h (0.25: marked)", "none",
              {"{{output}}": "affect:drift:psi6h"}, span=3),
        *(
            Panel(f"{output}: share of faces by bin, 6 h", "percentunit",
                  {"{{bin}}": f'affect:outputs:ratio6h{{output="{output}"}}'}, "bargauge")
            for output in ("arousal", "valence", "score")
        ),
        *(
            Panel(f"{output}: share by bin in the evaluation", "percentunit", {
                "{{bin}}": f'max by (bin) (affect_reference_ratio{{output="{output}"}})',
            }, "bargauge")
            for output in ("arousal", "valence", "score")
        ),
        Panel("Share of frames with a face, 1 h", "percentunit",
              {"faces": "affect:faces:ratio1h"}, span=3),
    ],
    "capacity": [
        Panel("Clips waiting for a worker", "none", {"{{instance}}": "affect_queue_clips"}),
        Panel("Wait for a worker, mean", "s", {"wait": "affect:wait_seconds:mean5m"}),
        Panel("Seconds of work a second", "none",
              {"work": "sum(rate(affect_answer_seconds_sum[5m]))"}),
        Panel("Worker memory", "bytes",
              {"{{instance}} {{model}} {{worker}}": "affect_worker_memory_bytes"}),
        Panel("Worker restarts, 30 min", "none", {
            "{{instance}} {{model}}": "changes(affect_worker_start_timestamp_seconds[30m])",
        }),
        Panel("Processor", "percent", {"{{instance}}": "CPUUtilization"}),
        Panel("Memory of the machine", "percent", {"{{instance}}": "MemoryUtilization"}),
        Panel("Disk", "percent", {"{{instance}}": "DiskUtilization"}),
        Panel("Certificate, time left", "s",
              {"{{instance}}": "affect_probe_certificate_expiry_timestamp_seconds - time()"}),
    ],
}  # fmt: skip


def files() -> dict[Path, str]:
    """Every dashboard, whole."""
    return {
        FOLDER / f"{name}.json": json.dumps(_dashboard(name, panels), indent=1) + "\n"
        for name, panels in DASHBOARDS.items()
    }


def _dashboard(name: str, panels: list[Panel]) -> dict[str, Any]:
    return {
        "uid": f"affectline-{name}",
        "title": f"Affectline: {name}",
        "tags": ["affectline"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"title": "Affectline", "type": "dashboards", "tags": ["affectline"]}],
        "panels": _placed(panels),
    }


def _placed(panels: list[Panel]) -> list[dict[str, Any]]:
    placed, column, row = [], 0, 0
    for number, panel in enumerate(panels, start=1):
        if column + panel.span > _COLUMNS:
            column, row = 0, row + 1
        wide = _WIDTH // _COLUMNS
        place = {"x": column * wide, "y": row * _HEIGHT, "w": panel.span * wide, "h": _HEIGHT}
        placed.append(_panel(number, panel, place))
        column += panel.span
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if instant else {},
        "targets": [
            {
                "refId": chr(ord("A") + place_of),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": instant,
                "range": not instant,
            }
            for place_of, (legend, expression) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
