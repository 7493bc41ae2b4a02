"""One worker's live sessions behind TorchServe's sequence batching."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from affect_client import wire
from affect_core.events import (
    ClipDone,
    ClipFailed,
    FrameDone,
    Job,
    PicturesDone,
    PicturesJob,
    PieceJob,
)
from affect_core.pipeline import AffectPipeline
from affect_core.session import Session
from affect_core.sessions import Sessions
from affect_core.types import ClipInfo, Sampling, StageSeconds
from affect_serving import edge
from affect_serving.account import Account
from affect_serving.books import LiveBooks
from affect_serving.describe import Describing
from affect_serving.ending import ending_with_the_device
from affect_serving.live_requests import LiveRequest, parse_live_request
from affect_serving.requests import RequestError, body_bytes
from affect_serving.responses import to_clip, to_frame, to_problem, to_timing
from affect_serving.served import ServedModel
from affect_serving.settings import ServingSettings
from affect_serving.trace import Origin

_log = logging.getLogger(__name__)

_GRACE_S: Final = 5.0
"""A session outlives TorchServe's idle time by this: its request may wait for a batch."""


class LiveService:
    """Answers batches of requests of different sessions, which advance together.

    A request works on a copy of its session, which takes its place once it is answered. So one
    that is refused changes nothing, neither its own session nor others.

    Args:
        model: what answers are made with.
        settings: limits.
        books: where requests are counted and logged.
        sequences: `maxNumSequence` and `sequenceMaxIdleMSec` of the archive's model-config.yaml.
    """

    def __init__(
        self,
        model: ServedModel,
        settings: ServingSettings,
        books: LiveBooks,
        sequences: Mapping[str, Any],
    ) -> None:
        self._model = model
        self._settings = settings
        self._books = books
        self._idle_s = float(sequences["sequenceMaxIdleMSec"]) / 1000
        self._expired = 0
        self._sessions = Sessions(self._idle_s + _GRACE_S, int(sequences["maxNumSequence"]))
        limits = settings.limits.model_copy(update={"max_samples": settings.live_max_samples})
        self._pipeline = AffectPipeline(
            model.runtime,
            model.detect,
            model.preprocess,
            limits,
            settings.front_end_threads,
            together=True,
        )
        self._describing = Describing(model.description)
        self._lock = threading.Lock()
        self._sweeper: threading.Timer | None = None
        _log.info("live sessions ready: %s", model.description.model_dump_json())

    def answer(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[str]:
        """As many answers as rows, in order; statuses and media types go into `context`.

        TorchServe puts a session into a batch once.
        """
        with self._lock, ending_with_the_device():
            answers = self._answer(rows, context)
            self._books.metrics.batch(len(rows))
            self._tidy()
        return answers

    def _answer(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[str]:
        answers = [""] * len(rows)
        accepted: list[_Accepted] = []
        for position, row in enumerate(rows):
            if self._describing.wanted(context, position):
                answers[position] = self._describing.answer(context, position)
                context.set_response_content_type(position, "application/json")
                continue
            account = Account(Origin.of(context, position), body_bytes(row), together=len(rows))
            edge.echo_trace(context, position, account.origin.traceparent)
            try:
                accepted.append(self._accept(position, row, context, account))
            except RequestError as error:
                answers[position] = self._fail(context, position, account, to_problem(error))
        for event in self._pipeline.events([one.job for one in accepted]):
            one = accepted[event.job]
            match event:
                case FrameDone():
                    with one.account.encoding():
                        one.frames.append(to_frame(event.frame))
                case ClipDone():
                    answers[one.position] = self._done(context, one, event.seconds, event.clip)
                case PicturesDone():
                    answers[one.position] = self._done(context, one, event.seconds, None)
                case ClipFailed():
                    problem = to_problem(event.error)
                    answers[one.position] = self._fail(context, one.position, one.account, problem)
        return answers

    def _accept(
        self, position: int, row: Mapping[str, Any], context: Any, account: Account
    ) -> _Accepted:
        name = context.get_sequence_id(position) or ""
        starts = edge.header(context, position, "ts_request_sequence_start").lower() == "true"
        ends = edge.header(context, position, "ts_request_sequence_end").lower() == "true"
        request = parse_live_request(
            row,
            may_be_empty=starts or ends,
            max_samples=self._settings.live_max_samples,
            max_body_bytes=self._settings.max_body_bytes,
        )
        if starts:
            session = Session.begin(self._model.preprocess, request.options.faces or "primary")
        else:
            session = self._known(name).copy()
        job = self._job(request, session)
        return _Accepted(position, account, name, session, starts, ends, job)

    def _known(self, name: str) -> Session:
        session = self._sessions.find(name)
        if session is None:
            raise RequestError(
                "unknown_session",
                "There is no such live session here: it was never begun, has ended, sent nothing "
                f"for {self._idle_s:g} s, or its worker was restarted. Begin a new one: send this "
                "request with the header ts_request_sequence_start: true. (The front end reads "
                "ts_request_sequence_id in lower case only.)",
            )
        return session

    def _job(self, request: LiveRequest, session: Session) -> Job:
        options = request.options
        if request.clip is None:
            return PicturesJob(request.pictures, options.times_s or (), session)
        sampling = Sampling(options.sample_fps or self._model.preprocess.sample_fps)
        return PieceJob(request.clip, sampling, session, options.start_s or 0.0)

    def _done(
        self, context: Any, one: _Accepted, seconds: StageSeconds, clip: ClipInfo | None
    ) -> str:
        if one.starts:
            self._books.metrics.started()
        if one.ends:
            self._sessions.end(one.name)
            self._books.metrics.ended()
        else:
            self._sessions.keep(one.name, one.session)
        with one.account.encoding():
            text = wire.LiveAnswer(
                model=self._model.info,
                session=one.name,
                frames=one.frames,
                clip=None if clip is None else to_clip(clip),
                timing_s=to_timing(seconds),
            ).model_dump_json()
        context.set_response_content_type(one.position, "application/json")
        one.account.answer_bytes = len(text)
        self._books.answered(one.account, one.frames, seconds, clip)
        return text

    def _fail(self, context: Any, position: int, account: Account, problem: wire.Problem) -> str:
        self._books.failed(account, problem.code)
        return edge.refuse(context, position, problem)

    def _tidy(self) -> None:
        """Forget what is idle, now and once nobody sends anything any more."""
        self._sessions.sweep()
        expired, self._expired = self._sessions.expired - self._expired, self._sessions.expired
        self._books.metrics.sessions(len(self._sessions), expired)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        if len(self._sessions):
            self._sweeper = threading.Timer(self._sessions.idle_s + 1, self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _sweep(self) -> None:
        with self._lock:
            self._tidy()


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A row that is worked on, the copy of its session, and the answer so far."""

    position: int
    account: Account
    name: str
    session: Session
    starts: bool
    ends: bool
    job: Job
    frames: list[wire.Frame] = field(default_factory=list)
