"""Many clips at once -> arousal and valence of each, as events.

Decoding and detection of the batch's clips run in a thread pool and fill one bounded queue.
This thread takes what is there: crops of all clips go through the backbone together, tracks
of all clips through the temporal model as one padded batch. Memory is bounded by the queue
and the chunk, whatever the clips' lengths, and a clip's numbers do not depend on its company.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from affect_core.decode import ClipReader
from affect_core.errors import ClipError
from affect_core.events import ClipDone, ClipFailed, ClipJob, ClipOpened, Event, FrameDone
from affect_core.faces import FaceDetector
from affect_core.frontend import prepare_samples
from affect_core.inference import TrackInference
from affect_core.limits import Deadline, Limits
from affect_core.runtime import Runtime
from affect_core.spec import PreprocessSpec
from affect_core.types import FaceAffect, FaceCrop, FrameAffect, PreparedSample, StageSeconds

_log = logging.getLogger(__name__)

_QUEUED_SAMPLES: Final = 32
_FILL_WAIT_S: Final = 0.05
"""A chunk that is not full waits this long for more crops before it runs."""
_POLL_S: Final = 0.2

_Item = tuple[int, PreparedSample] | ClipOpened | ClipDone | ClipFailed


@dataclass(slots=True)
class _Turn:
    """What one turn of the loop takes from the queue."""

    opened: list[ClipOpened] = field(default_factory=list)
    samples: list[tuple[int, PreparedSample]] = field(default_factory=list)
    closing: list[ClipDone | ClipFailed] = field(default_factory=list)
    crops: int = 0

    @property
    def empty(self) -> bool:
        return not (self.opened or self.samples or self.closing)


@dataclass(slots=True)
class _Batch:
    """The jobs in hand and what their front ends have prepared."""

    seconds: list[StageSeconds]
    active: set[int]
    deadline: Deadline
    items: queue.Queue[_Item] = field(default_factory=lambda: queue.Queue(_QUEUED_SAMPLES))
    cancelled: threading.Event = field(default_factory=threading.Event)

    def put(self, item: _Item) -> bool:
        """Queue an item, waiting for room; False once nobody reads the queue any more."""
        while not self.cancelled.is_set():
            try:
                self.items.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


class AffectPipeline:
    """Turns batches of clips into events. One batch at a time; keep it for many batches.

    Args:
        runtime: the model on its device.
        detector: finds faces; called from the pool's threads.
        preprocess: the spec that the model was trained with.
        limits: what one clip, and one batch, may ask.
        threads: clips decoded at the same time.
    """

    def __init__(
        self,
        runtime: Runtime,
        detector: FaceDetector,
        preprocess: PreprocessSpec,
        limits: Limits,
        threads: int = 2,
    ) -> None:
        self._runtime = runtime
        self._detector = detector
        self._preprocess = preprocess
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="affect-frontend")

    def close(self) -> None:
        """Stop the pool; a batch in hand must have been finished or closed."""
        self._pool.shutdown()

    def events(self, jobs: Sequence[ClipJob]) -> Generator[Event, None, None]:
        """Work on `jobs` together and yield what becomes known, as it becomes known.

        Every job yields `ClipOpened`, `FrameDone` ... and `ClipDone`, or ends with
        `ClipFailed` at any point. Frames of a job come in order; jobs interleave. Closing the
        iterator stops the work.
        """
        started = time.perf_counter()
        batch = _Batch(
            seconds=[StageSeconds() for _ in jobs],
            active=set(range(len(jobs))),
            deadline=Deadline(self._limits.max_wall_s),
        )
        inference: TrackInference[tuple[int, int]] = TrackInference(self._runtime)
        for job, clip in enumerate(jobs):
            self._pool.submit(self._front, job, clip, batch)
        try:
            while batch.active:
                if batch.deadline.left <= 0:
                    for job in sorted(batch.active):
                        yield ClipFailed(job, batch.deadline.error())
                    return
                turn = self._take(batch)
                yield from turn.opened
                yield from self._infer(turn, inference, batch)
                for event in turn.closing:
                    batch.active.discard(event.job)
                    batch.seconds[event.job].total = time.perf_counter() - started
                    yield event
        finally:
            batch.cancelled.set()

    def _front(self, job: int, clip: ClipJob, batch: _Batch) -> None:
        """Decode, detect and crop one clip, in a thread of the pool."""
        seconds = batch.seconds[job]
        try:
            opening = time.perf_counter()
            with ClipReader(clip.data, self._limits, batch.deadline) as reader:
                seconds.decode += time.perf_counter() - opening
                if not batch.put(ClipOpened(job, reader.info)):
                    return
                for sample in prepare_samples(
                    reader, clip.sampling, self._detector, self._preprocess, seconds
                ):
                    if not batch.put((job, sample)):
                        return
                batch.put(ClipDone(job, reader.info, seconds))
        except ClipError as error:
            batch.put(ClipFailed(job, error))
        except Exception as error:
            _log.error("clip failed: %s at %s", type(error).__name__, _place(error))
            batch.put(ClipFailed(job, None))

    def _take(self, batch: _Batch) -> _Turn:
        """A chunk of crops, or what there is once the front ends fall behind."""
        turn = _Turn()
        waiting = set(batch.active)
        # Samples without faces count too, or a clip of nobody would be one endless turn.
        while (
            waiting
            and turn.crops < self._runtime.chunk_size
            and len(turn.samples) < _QUEUED_SAMPLES
        ):
            patience = _POLL_S if turn.empty else _FILL_WAIT_S
            try:
                item = batch.items.get(timeout=max(0.0, min(patience, batch.deadline.left)))
            except queue.Empty:
                break
            if isinstance(item, ClipOpened):
                turn.opened.append(item)
            elif isinstance(item, ClipDone | ClipFailed):
                turn.closing.append(item)
                waiting.discard(item.job)
            else:
                turn.samples.append(item)
                turn.crops += len(item[1].crops)
        return turn

    def _infer(
        self, turn: _Turn, inference: TrackInference[tuple[int, int]], batch: _Batch
    ) -> Iterator[FrameDone]:
        """Value the turn's crops and account for the time."""
        crops: list[FaceCrop] = []
        keys: list[tuple[int, int]] = []
        times_s: list[float] = []
        for job, sample in turn.samples:
            crops.extend(sample.crops)
            times_s.extend(sample.time_s for _ in sample.crops)
            keys.extend((job, crop.face.track) for crop in sample.crops)
        inferred = inference.advance(keys, times_s, crops)
        for job, _ in keys:
            batch.seconds[job].backbone += inferred.backbone_s / len(keys)
            batch.seconds[job].temporal += inferred.temporal_s / len(keys)
        values = iter(inferred.values)
        for job, sample in turn.samples:
            faces = []
            for crop, (valence, arousal) in zip(sample.crops, values, strict=False):
                faces.append(FaceAffect(crop.face, arousal=arousal, valence=valence))
            for track in sample.ended:
                inference.forget((job, track))
            yield FrameDone(job, FrameAffect(sample.index, sample.time_s, tuple(faces)))


def _place(error: BaseException) -> str:
    """File and line of a defect. Its message may hold content of the clip and is left out."""
    place, traceback = "unknown", error.__traceback__
    while traceback is not None:
        place = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
