"""Many jobs decoded, detected and cropped side by side, into one bounded queue."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from affect_core.cores import step_back
from affect_core.decoders import isolated_decoders
from affect_core.errors import ClipError, place_of
from affect_core.events import (
    ClipDone,
    ClipFailed,
    ClipOpened,
    Job,
    PicturesDone,
    PicturesJob,
    PieceJob,
)
from affect_core.faces import FaceDetector
from affect_core.finding import FaceFinder
from affect_core.frontend import picture_samples, piece_samples, prepare_ahead
from affect_core.limits import Deadline, Limits
from affect_core.session import Session
from affect_core.spec import PreprocessSpec
from affect_core.turns import Turns
from affect_core.types import PreparedSample, StageSeconds

_log = logging.getLogger(__name__)

_OPEN_JOBS: Final = 8
"""Jobs that take turns at decoding. One that waits holds a decoder and a thread."""
_POLL_S: Final = 0.2

Closing = ClipDone | PicturesDone | ClipFailed
"""The last of each job."""

Prepared = tuple[int, PreparedSample] | ClipOpened | Closing
"""What a front end gives, in order for each job; a sample comes with its job's number."""


class PreparedQueue(queue.Queue[Prepared]):
    """What the front ends give; those that wait for a place in it get one in their order."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self.turns = Turns(1)


@dataclass(eq=False, slots=True)
class Running:
    """A job in hand."""

    number: int
    job: Job
    session: Session
    deadline: Deadline
    seconds: StageSeconds = field(default_factory=StageSeconds)
    started: float = field(default_factory=time.perf_counter)
    seen: bool = False
    """Whether a sample of it has been taken from the queue."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Nothing of it is wanted any more; its turn and its decoder are free at once."""
        self.cancelled.set()
        self.deadline.end()


class FrontEnds:
    """Threads that prepare jobs. So many of them work at a time; the others wait their turn.

    A job gives up its turn after each sample, and where a sample takes long. So a clip that has
    just come begins beside long ones instead of behind them.

    Args:
        detector: finds faces; called from several threads.
        preprocess: the spec that the model was trained with.
        limits: what one job may ask.
        threads: jobs that work at the same time, and frames whose faces are looked for.
    """

    def __init__(
        self, detector: FaceDetector, preprocess: PreprocessSpec, limits: Limits, threads: int
    ) -> None:
        self._finder = FaceFinder(detector, preprocess, threads)
        self._preprocess = preprocess
        self._limits = limits
        self._turns = Turns(threads)
        self._decoders = isolated_decoders(limits, self._turns.lent)
        self._pool = ThreadPoolExecutor(
            _OPEN_JOBS, thread_name_prefix="affect-frontend", initializer=step_back
        )

    def start(self, number: int, job: Job, into: PreparedQueue) -> Running:
        """Begin a job; what it gives goes into the queue until it is cancelled."""
        if isinstance(job, PicturesJob | PieceJob):
            session = job.session
        else:
            session = Session.begin(self._preprocess, job.sampling.faces)
        running = Running(number, job, session, Deadline(self._limits.max_wall_s))
        self._pool.submit(self._run, running, into)
        return running

    def close(self) -> None:
        """Stop the threads; jobs in hand must have ended or been cancelled."""
        self._pool.shutdown()
        self._finder.close()
        self._decoders.close()

    def _run(self, running: Running, into: PreparedQueue) -> None:
        prepared = self._guarded(running)
        taken_up = False
        while not running.cancelled.is_set():
            with self._turns:
                if not taken_up:
                    running.seconds.queue = time.perf_counter() - running.started
                    taken_up = True
                item = next(prepared, None)
            if item is None:
                return
            with into.turns:
                while not running.cancelled.is_set():
                    try:
                        into.put(item, timeout=_POLL_S)
                    except queue.Full:
                        continue
                    break
        prepared.close()

    def _guarded(self, running: Running) -> Generator[Prepared, None, None]:
        try:
            yield from self._prepare(running)
        except ClipError as error:
            yield ClipFailed(running.number, error)
        except Exception as error:
            _log.error("clip failed: %s at %s", type(error).__name__, place_of(error))
            yield ClipFailed(running.number, None)

    def _prepare(self, running: Running) -> Iterator[Prepared]:
        number, job, seconds = running.number, running.job, running.seconds
        if isinstance(job, PicturesJob):
            with self._decoders.pictures(running.deadline) as decode:
                pictures = picture_samples(job, decode)
                for sample in prepare_ahead(pictures, job.session, self._finder, seconds):
                    yield number, sample
            yield PicturesDone(number, seconds)
            return
        opening = time.perf_counter()
        with self._decoders.clip(job.data, running.deadline) as reader:
            seconds.decode += time.perf_counter() - opening
            yield ClipOpened(number, reader.info)
            samples = (
                piece_samples(reader, job)
                if isinstance(job, PieceJob)
                else reader.samples(job.sampling)
            )
            for sample in prepare_ahead(samples, running.session, self._finder, seconds):
                yield number, sample
            yield ClipDone(number, reader.info, seconds)
