"""One worker's model behind TorchServe: batches of rows in, as many answers out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response

from affect_client import wire
from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.events import ClipDone, ClipFailed, ClipJob, ClipOpened, FrameDone
from affect_core.faces import DetectorChoice, choose_detector
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import DeviceChoice, Runtime
from affect_core.types import Sampling
from affect_serving.metrics import ServingMetrics
from affect_serving.replies import Reply, reply_to
from affect_serving.requests import ClipRequest, RequestError, parse_request
from affect_serving.responses import to_problem
from affect_serving.settings import ServingSettings

_log = logging.getLogger(__name__)


class AffectService:
    """Answers batches. A bad clip gets its own problem and never touches the others."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: DeviceChoice,
        settings: ServingSettings,
        metrics: ServingMetrics,
    ) -> None:
        spec = checkpoint.spec
        self._settings = settings
        self._metrics = metrics
        self._model = wire.ModelInfo(
            name=spec.name,
            version=spec.version,
            architecture=spec.architecture.name,
            weights=f"sha256:{checkpoint.weights_sha256}",
            trained_on=spec.provenance.trained_on,
        )
        detector = choose_detector(
            settings.detector or spec.preprocess.detector, settings.yunet_model
        )
        self._description = _describe(checkpoint, self._model, device, detector)
        self._pipeline = AffectPipeline(
            Runtime(checkpoint, device),
            detector.detect,
            spec.preprocess,
            settings.limits,
            settings.decode_threads,
        )

    @classmethod
    def load(cls, context: Any) -> AffectService:
        """From TorchServe's context: the archive's folder, the worker's GPU, its metrics.

        Raises:
            SpecError: the archive is damaged or asks for what this version cannot honour.
            DetectorUnavailableError: the detector cannot run here.
        """
        properties = context.system_properties
        gpu = properties.get("gpu_id")
        device = DeviceChoice.of(None if gpu is None else int(gpu))
        service = cls(
            load_checkpoint(Path(properties["model_dir"])),
            device,
            ServingSettings(),
            ServingMetrics(context.metrics),
        )
        _log.info("affect model ready: %s", service._description.model_dump_json())
        return service

    def answer(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[str]:
        """As many answers as rows, in order; statuses and media types go into `context`."""
        answers = [""] * len(rows)
        accepted: list[_Accepted] = []
        for position, row in enumerate(rows):
            # TorchServe marks its own describe requests so. Anyone can send the header, and must
            # not change the answers of others in the batch with it.
            if context.get_request_header(position, "describe") == "True":
                answers[position] = self._description.model_dump_json()
                continue
            try:
                request = parse_request(row, self._settings.max_body_bytes)
            except RequestError as error:
                answers[position] = self._fail(context, position, to_problem(error))
                continue
            reply = reply_to(self._model, request.options)
            context.set_response_content_type(position, reply.media_type)
            accepted.append(_Accepted(position, ClipJob(request.data, _sampling(request)), reply))
        for event in self._pipeline.events([one.job for one in accepted]):
            one = accepted[event.job]
            match event:
                case ClipOpened():
                    _send_now(context, one.position, one.reply.opened(event.clip))
                case FrameDone():
                    _send_now(context, one.position, one.reply.frame(event.frame))
                case ClipDone():
                    text, prediction = one.reply.done(event.clip, event.seconds)
                    answers[one.position] = text
                    self._metrics.answered(prediction)
                case ClipFailed():
                    answers[one.position] = self._break_off(context, one, event)
        return answers

    def _break_off(self, context: Any, one: _Accepted, event: ClipFailed) -> str:
        """The last text of a clip that failed: its problem, or a line if lines were sent."""
        problem = to_problem(event.error)
        last_line = one.reply.failed(problem)
        if last_line is None:
            return self._fail(context, one.position, problem)
        self._metrics.failed(problem.code)
        return last_line

    def _fail(self, context: Any, position: int, problem: wire.Problem) -> str:
        phrase = HTTPStatus(problem.status).phrase
        context.set_response_status(code=problem.status, phrase=phrase, idx=position)
        context.set_response_content_type(position, wire.PROBLEM_MEDIA_TYPE)
        self._metrics.failed(problem.code)
        return problem.model_dump_json()


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A row that holds a clip: where its answer goes, its job, and the answer so far."""

    position: int
    job: ClipJob
    reply: Reply


def _sampling(request: ClipRequest) -> Sampling:
    options = request.options
    return Sampling(options.sample_fps, options.start_s, options.end_s, options.faces)


def _send_now(context: Any, position: int, text: str | None) -> None:
    """Send a part of one row's answer ahead of the batch; None is nothing to send."""
    if text is None:
        return
    send_intermediate_predict_response(
        {position: text},
        {position: context.request_ids[position]},
        "Intermediate Prediction success",
        200,
        context,
    )


def _describe(
    checkpoint: Checkpoint, model: wire.ModelInfo, device: DeviceChoice, detector: DetectorChoice
) -> wire.ModelDescription:
    packages = ("affectline", "torch", "torchserve", "av", "opencv-python-headless")
    return wire.ModelDescription(
        model=model,
        device=str(device.device),
        precision=device.precision,
        detector=wire.Detector(name=detector.name, fallback_reason=detector.fallback_reason),
        sample_fps=checkpoint.spec.preprocess.sample_fps,
        versions={name: version(name) for name in packages},
    )
