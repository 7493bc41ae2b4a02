"""What Prometheus sees of each clip. Labels never hold anything a client sent."""

from __future__ import annotations

from typing import Any, Final

from ts.metrics.metric_type_enum import MetricTypes

from affect_client.wire import Prediction, ProblemCode

CLIPS: Final = "affect_clips_total"
FRAMES: Final = "affect_frames_total"
STAGE_SECONDS: Final = "affect_stage_seconds"
CLIP_SECONDS: Final = "affect_clip_seconds_total"


class ServingMetrics:
    """Records into TorchServe's own registry, which it exposes on its metrics port.

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
        with_face = sum(1 for frame in prediction.frames if frame.faces)
        self._frames.add_or_update(with_face, ["face"])
        self._frames.add_or_update(len(prediction.frames) - with_face, ["no_face"])
        for stage, seconds in prediction.timing_s.model_dump().items():
            self._stage.add_or_update(seconds, [stage])
        seconds = len(prediction.frames) / prediction.sample_fps
        self._clip_seconds.add_or_update(seconds, [prediction.model.name])

    def failed(self, code: ProblemCode) -> None:
        """Count a clip that was refused or failed."""
        self._clips.add_or_update(1, [code])
