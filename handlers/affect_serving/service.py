"""One worker's model behind TorchServe's continuous batching."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from affect_client import wire
from affect_core.events import ClipDone, ClipFailed, ClipJob, ClipOpened, Event, FrameDone
from affect_core.pipeline import AffectPipeline
from affect_core.types import Sampling
from affect_serving import edge
from affect_serving.account import Account
from affect_serving.books import ClipBooks, LiveBooks
from affect_serving.describe import Describing
from affect_serving.ending import ending_with_the_device
from affect_serving.live_service import LiveService
from affect_serving.metrics import describe_model
from affect_serving.open_requests import OpenRequest
from affect_serving.recorder import Recorder
from affect_serving.replies import JSON, Reply, reply_to
from affect_serving.requests import ClipRequest, RequestError, body_bytes, parse_request
from affect_serving.responses import to_problem
from affect_serving.served import ServedModel
from affect_serving.settings import ServingSettings
from affect_serving.trace import Origin
from affect_serving.worker_report import WorkerReport

_log = logging.getLogger(__name__)

_RETURN_S: Final = 2.0
"""TorchServe is asked for new and gone requests at least so often."""
_BODY_BYTES_A_SECOND: Final = 50e6
"""Bodies that wait are handed over again with each call, at about 300 MB/s as measured; calls come
no faster than this, which keeps it to a sixth of the time."""


def load_service(context: Any) -> AffectService | LiveService:
    """What the archive's model-config.yaml asks for: live sessions where sequences are batched.

    Raises:
        SpecError: the archive is damaged or asks for what this version cannot honour.
        DetectorUnavailableError: the detector cannot run here.
        RuntimeError: the archive's model-config.yaml asks for another kind of batching.
    """
    settings = ServingSettings()
    recorder = Recorder(context.metrics)
    report = WorkerReport(recorder, context.model_name)
    report.started()
    model = ServedModel.load(context, settings)
    describe_model(recorder, model)
    config = context.model_yaml_config or {}
    if config.get("sequenceBatching"):
        report.start(queue=False)
        return LiveService(model, settings, LiveBooks(recorder, model), config)
    if config.get("continuousBatching"):
        report.start(queue=True)
        return AffectService(model, settings, ClipBooks(recorder, model))
    raise RuntimeError(
        "The archive's model-config.yaml sets neither continuousBatching nor sequenceBatching. "
        "Export the archive again."
    )


class AffectService:
    """Answers clips. A bad one gets its own problem and never touches the others.

    TorchServe calls with all open requests, again and again: clips may join while others are
    being worked on, and what is known of a stream leaves before the next chunk is begun.
    """

    def __init__(self, model: ServedModel, settings: ServingSettings, books: ClipBooks) -> None:
        self._model = model
        self._settings = settings
        self._books = books
        self._work = AffectPipeline(
            model.runtime,
            model.detect,
            model.preprocess,
            settings.limits,
            settings.front_end_threads,
        ).begin()
        self._open: dict[str, OpenRequest] = {}
        self._clips: dict[int, _Clip] = {}
        self._worked = False
        self._describing = Describing(model.description)
        _log.info("affect model ready: %s", model.description.model_dump_json())

    def answer(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[str]:
        """A piece of an answer for each row; what becomes of it goes into `context`."""
        ids = [context.get_request_id(position) for position in range(len(rows))]
        self._drop_gone(set(ids))
        for position, row in enumerate(rows):
            if ids[position] not in self._open:
                self._open[ids[position]] = self._begin(position, row, context)
        # Endings should not wait for a chunk, and a flood of bad requests should not stop work.
        due = any(request.due for request in self._open.values())
        self._worked = not (due and self._worked)
        if self._worked:
            self._work_on()
        return self._send(ids, context)

    def _drop_gone(self, still_there: set[str]) -> None:
        for gone in set(self._open) - still_there:
            request = self._open.pop(gone)
            if request.job in self._clips:
                self._work.cancel(request.job)
                self._books.gone(self._clips[request.job].account, len(self._clips))
                del self._clips[request.job]

    def _begin(self, position: int, row: Mapping[str, Any], context: Any) -> OpenRequest:
        if self._describing.wanted(context, position):
            described = OpenRequest(JSON)
            described.end(self._describing.answer(context, position))
            return described
        account = Account(Origin.of(context, position), body_bytes(row))
        trace = account.origin.traceparent
        try:
            clip = parse_request(row, self._settings.max_body_bytes)
        except RequestError as error:
            refused = OpenRequest(JSON, traceparent=trace)
            self._refuse(refused, account, to_problem(error), len(self._clips) + 1)
            return refused
        reply = reply_to(self._model.info, clip.options)
        job = self._work.add(ClipJob(clip.data, _sampling(clip)))
        request = OpenRequest(reply.media_type, job, len(clip.data), trace)
        self._clips[job] = _Clip(request, reply, account)
        return request

    def _work_on(self) -> None:
        """Work until something is known that should leave, or it is time to ask TorchServe."""
        started = time.monotonic()
        while self._work.jobs:
            with ending_with_the_device():
                events = self._work.turn()
            for event in events:
                self._note(event)
            bodies = sum(request.body_to_come for request in self._open.values())
            due = any(request.due for request in self._open.values())
            spent = time.monotonic() - started
            if spent >= bodies / _BODY_BYTES_A_SECOND and (due or spent >= _RETURN_S):
                return

    def _note(self, event: Event) -> None:
        clip = self._clips[event.job]
        match event:
            case ClipOpened():
                with clip.account.encoding():
                    clip.add(clip.reply.opened(event.clip))
            case FrameDone():
                with clip.account.encoding():
                    clip.add(clip.reply.frame(event.frame))
            case ClipDone():
                with clip.account.encoding():
                    text, prediction = clip.reply.done(event.clip, event.seconds)
                    clip.end(text)
                self._books.answered(clip.account, prediction, event.seconds, len(self._clips))
                del self._clips[event.job]
            case ClipFailed():
                self._break_off(clip, to_problem(event.error))
                del self._clips[event.job]

    def _break_off(self, clip: _Clip, problem: wire.Problem) -> None:
        """End a clip that failed: with its problem, or with a line if lines were sent."""
        request, together = clip.request, len(self._clips)
        last_line = clip.reply.failed(problem) if request.begun else None
        if last_line is None:
            self._refuse(request, clip.account, problem, together)
        else:
            clip.end(last_line)
            self._books.failed(clip.account, problem.code, together)

    def _refuse(
        self, request: OpenRequest, account: Account, problem: wire.Problem, together: int
    ) -> None:
        request.refuse(problem)
        self._books.failed(account, problem.code, together)

    def _send(self, ids: Sequence[str], context: Any) -> list[str]:
        edge.begin_pieces(context)
        answers = []
        for position, name in enumerate(ids):
            text, last = self._open[name].send(context, position)
            answers.append(text)
            if last:
                del self._open[name]
        return answers


class _Clip(NamedTuple):
    """A clip that is worked on: where its pieces go, and what makes them."""

    request: OpenRequest
    reply: Reply
    account: Account

    def add(self, piece: str | None) -> None:
        """Something of the answer is known; None is nothing to send."""
        self.account.answer_bytes += len(piece or "")
        self.request.add(piece)

    def end(self, piece: str) -> None:
        """The last of the answer is known."""
        self.account.answer_bytes += len(piece)
        self.request.end(piece)


def _sampling(request: ClipRequest) -> Sampling:
    options = request.options
    return Sampling(options.sample_fps, options.start_s, options.end_s, options.faces)
