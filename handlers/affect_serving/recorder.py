"""Declared metrics -> TorchServe's registry, which sums them over workers and their restarts.

A worker writes each value as a line on its standard output; TorchServe's Java, which outlives
workers, adds it to what `/metrics` shows. So there is no shared file and no second port.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ts.metrics.metric_cache_errors import MetricsCacheKeyError
from ts.metrics.metric_type_enum import MetricTypes

from affect_serving.declared import DECLARED, Metric


class Recorder:
    """Records values of declared metrics.

    Args:
        registry: `context.metrics`; its metrics YAML must declare them.

    Raises:
        RuntimeError: it does not.
    """

    def __init__(self, registry: Any) -> None:
        try:
            self._metrics = {
                metric.name: registry.get_metric(metric.name, MetricTypes(metric.kind))
                for metric in DECLARED
            }
        except MetricsCacheKeyError as error:
            raise RuntimeError(
                "The model store's metrics.yaml is not of this version. Export the archive again."
            ) from error

    def add(self, metric: Metric, value: float, *labels: str) -> None:
        """Count, observe or set, as the metric's kind is.

        Args:
            metric: a declared one.
            value: in its unit; to a counter not negative.
            labels: values in the order of its labels.
        """
        self._metrics[metric.name].add_or_update(value, list(labels))

    def begin(self, metrics: Iterable[Metric], model: str) -> None:
        """Show counters as 0, so that their first increase is one that Prometheus sees."""
        for metric in metrics:
            if metric.kind != "counter":
                continue
            if [label.name for label in metric.labels] == ["model"]:
                self.add(metric, 0, model)
            for values in metric.known_values():
                self.add(metric, 0, *values)
