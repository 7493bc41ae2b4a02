"""The server's Prometheus metrics as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affect_client._answers import TEXT, Answer, require_media_type, require_ok, unexpected
from affect_client._optional import need
from affect_client.errors import NotAffectlineError


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the metrics."""

    name: str
    """Of the metric, with `_total`, `_sum`, `_count` or `_bucket` where it has one."""
    labels: Mapping[str, str]
    """Its labels by name."""
    value: float
    """In the unit that the name ends with."""


@dataclass(frozen=True, slots=True)
class ServerMetrics:
    """Everything that the server counts, since it started.

    TorchServe's own metrics are in `samples` too. Before the first clip counts are 0, and means
    are not there.
    """

    samples: tuple[Sample, ...]
    """All lines, in the server's order."""

    @property
    def clips(self) -> dict[str, float]:
        """Clips by how they ended: `ok` or a problem code."""
        return self.by("affect_clips_total", "code")

    @property
    def frames(self) -> dict[str, float]:
        """Sampled frames: `face` and `no_face`."""
        return self.by("affect_frames_total", "outcome")

    @property
    def clip_seconds(self) -> float:
        """Seconds of video answered."""
        return self.total("affect_clip_seconds_total")

    @property
    def mean_stage_seconds(self) -> dict[str, float]:
        """Mean seconds a clip by stage: `decode`, `detect`, `backbone`, `temporal`, `encode`."""
        sums = self.by("affect_stage_seconds_sum", "stage")
        counts = self.by("affect_stage_seconds_count", "stage")
        return {stage: sums[stage] / count for stage, count in counts.items() if count}

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name with those labels, whatever their others."""
        wanted = labels.items()
        return sum(s.value for s in self.samples if s.name == name and wanted <= s.labels.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """That sum for every value of one label."""
        values = {s.labels[label] for s in self.samples if s.name == name and label in s.labels}
        return {value: self.total(name, **{label: value}) for value in sorted(values)}


def parse_metrics(answer: Answer) -> ServerMetrics:
    """Metrics of what Prometheus scrapes.

    Raises:
        ImportError: prometheus-client is not installed (extra `metrics`).
        StatusError: the server or a gateway refused.
        NotAffectlineError: it is no Prometheus text.
    """
    parser = need("prometheus_client.parser", "metrics", "metrics()")
    require_ok(answer)
    require_media_type(answer.head, TEXT)
    try:
        text = answer.body.decode("utf-8")
        families = list(parser.text_string_to_metric_families(text))
    except ValueError:
        what = f"{answer.head.url} answered with text that is no Prometheus metrics."
        raise unexpected(NotAffectlineError, answer.head, what, answer.body) from None
    samples = (sample for family in families for sample in family.samples)
    return ServerMetrics(tuple(Sample(s.name, dict(s.labels), s.value) for s in samples))
