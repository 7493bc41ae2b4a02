"""What Prometheus sees of clips and live sessions. Labels never hold anything a client sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ts.metrics.metric_type_enum import MetricTypes

from affect_client.wire import Frame, Prediction, ProblemCode, Timing

CLIPS: Final = "affect_clips_total"
FRAMES: Final = "affect_frames_total"
STAGE_SECONDS: Final = "affect_stage_seconds"
CLIP_SECONDS: Final = "affect_clip_seconds_total"

LIVE_REQUESTS: Final = "affect_live_requests_total"
LIVE_BATCHES: Final = "affect_live_batches_total"
LIVE_FRAMES: Final = "affect_live_frames_total"
LIVE_STAGE_SECONDS: Final = "affect_live_stage_seconds"
LIVE_SESSIONS: Final = "affect_live_sessions"

GONE: Final = "client_gone"
"""The outcome of a clip whose client went away before the end of its stream."""


class ServingMetrics:
    """Clips. Records into TorchServe's own registry, which it exposes on its metrics port.

    Args:
        registry: `context.metrics`. The metrics must be declared in the metrics YAML.
    """

    def __init__(self, registry: Any) -> None:
        self._clips = registry.get_metric(CLIPS, MetricTypes.COUNTER)
        self._frames = registry.get_metric(FRAMES, MetricTypes.COUNTER)
        self._stage = registry.get_metric(STAGE_SECONDS, MetricTypes.HISTOGRAM)
        self._clip_seconds = registry.get_metric(CLIP_SECONDS, MetricTypes.COUNTER)

    def answered(self, prediction: Prediction) -> None:
        """Count a clip that was answered, its frames and its stage times."""
        self._clips.add_or_update(1, ["ok"])
        _count_frames(self._frames, prediction.frames)
        _observe_stages(self._stage, prediction.timing_s)
        seconds = len(prediction.frames) / prediction.sample_fps
        self._clip_seconds.add_or_update(seconds, [prediction.model.name])

    def failed(self, code: ProblemCode) -> None:
        """Count a clip that was refused or failed."""
        self._clips.add_or_update(1, [code])

    def gone(self) -> None:
        """Count a clip whose client went away."""
        self._clips.add_or_update(1, [GONE])


class LiveMetrics:
    """Live sessions, beside `ServingMetrics`."""

    def __init__(self, registry: Any) -> None:
        self._requests = registry.get_metric(LIVE_REQUESTS, MetricTypes.COUNTER)
        self._batches = registry.get_metric(LIVE_BATCHES, MetricTypes.COUNTER)
        self._frames = registry.get_metric(LIVE_FRAMES, MetricTypes.COUNTER)
        self._stage = registry.get_metric(LIVE_STAGE_SECONDS, MetricTypes.HISTOGRAM)
        self._sessions = registry.get_metric(LIVE_SESSIONS, MetricTypes.GAUGE)

    def answered(self, frames: Sequence[Frame], timing: Timing) -> None:
        """Count a request that was answered, its frames and its stage times."""
        self._requests.add_or_update(1, ["ok"])
        _count_frames(self._frames, frames)
        _observe_stages(self._stage, timing)

    def failed(self, code: ProblemCode) -> None:
        """Count a request that was refused or failed."""
        self._requests.add_or_update(1, [code])

    def batch(self, model: str) -> None:
        """Count requests that came together and were worked on together, as one."""
        self._batches.add_or_update(1, [model])

    def sessions(self, count: int, model: str) -> None:
        """Say how many sessions have state now."""
        self._sessions.add_or_update(count, [model])


def _count_frames(counter: Any, frames: Sequence[Frame]) -> None:
    with_face = sum(1 for frame in frames if frame.faces)
    counter.add_or_update(with_face, ["face"])
    counter.add_or_update(len(frames) - with_face, ["no_face"])


def _observe_stages(histogram: Any, timing: Timing) -> None:
    for stage, seconds in timing.model_dump().items():
        histogram.add_or_update(seconds, [stage])
