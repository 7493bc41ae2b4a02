"""Many jobs at once -> arousal and valence of each, as events.

Front ends decode, detect and crop in threads and fill one bounded queue. This thread takes what
is there: crops of all jobs go through the backbone together, tracks of all jobs through the
temporal model as one padded batch. Memory is bounded by the queue and the chunk, whatever the
clips' lengths, and a clip's numbers do not depend on its company.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final

from affect_core.events import ClipFailed, ClipOpened, Event, FrameDone, Job
from affect_core.faces import FaceDetector
from affect_core.front_ends import Closing, FrontEnds, PreparedQueue, Running
from affect_core.inference import infer
from affect_core.limits import Limits
from affect_core.runtime import Runtime
from affect_core.session import TrackMemory
from affect_core.spec import PreprocessSpec
from affect_core.types import FaceAffect, FaceCrop, FrameAffect, PreparedSample

_QUEUED_SAMPLES: Final = 32
_FILL_WAIT_S: Final = 0.05
_FILL_TOGETHER_WAIT_S: Final = 0.5
"""Seconds that a chunk which is not full waits for another sample."""
_POLL_S: Final = 0.2


class AffectPipeline:
    """What all work shares: the model, the threads, the limits.

    Args:
        runtime: the model on its device.
        detector: finds faces; called from the front ends' threads.
        preprocess: the spec that the model was trained with.
        limits: what one job may ask.
        threads: clips decoded, and frames whose faces are looked for, at the same time.
        together: jobs are short and their answers leave together. So a chunk waits longer to fill,
            and a job's first frame gets no chunk of its own, which else lets it leave early.
    """

    def __init__(
        self,
        runtime: Runtime,
        detector: FaceDetector,
        preprocess: PreprocessSpec,
        limits: Limits,
        threads: int = 2,
        *,
        together: bool = False,
    ) -> None:
        self._runtime = runtime
        self._front_ends = FrontEnds(detector, preprocess, limits, threads)
        self._together = together

    def close(self) -> None:
        """Stop the threads; all work must have been finished or closed."""
        self._front_ends.close()

    def begin(self) -> Work:
        """Work without a job yet."""
        return Work(self._runtime, self._front_ends, together=self._together)

    def events(self, jobs: Sequence[Job]) -> Generator[Event, None, None]:
        """Work on `jobs` together and yield what becomes known, as it becomes known.

        Events carry a job's position in `jobs`. Closing the iterator stops the work.
        """
        work = self.begin()
        for job in jobs:
            work.add(job)
        try:
            while work.jobs:
                yield from work.turn()
        finally:
            work.close()


@dataclass(slots=True)
class _Turn:
    """What one turn takes from the queue."""

    opened: list[ClipOpened] = field(default_factory=list)
    samples: list[tuple[Running, PreparedSample]] = field(default_factory=list)
    closing: list[Closing] = field(default_factory=list)
    crops: int = 0


class Work:
    """Jobs worked on together. They may come and go at any time, from one thread."""

    def __init__(self, runtime: Runtime, front_ends: FrontEnds, *, together: bool) -> None:
        self._runtime = runtime
        self._front_ends = front_ends
        self._together = together
        self._fill_wait_s = _FILL_TOGETHER_WAIT_S if together else _FILL_WAIT_S
        self._items = PreparedQueue(_QUEUED_SAMPLES)
        self._running: dict[int, Running] = {}
        self._added = 0

    @property
    def jobs(self) -> int:
        """How many are in hand."""
        return len(self._running)

    def add(self, job: Job) -> int:
        """Begin a job. Its number, which its events carry, counts from 0."""
        number = self._added
        self._added += 1
        self._running[number] = self._front_ends.start(number, job, self._items)
        return number

    def cancel(self, number: int) -> None:
        """Stop a job, of which no event comes any more. One that has ended is no mistake."""
        running = self._running.pop(number, None)
        if running is not None:
            running.cancel()

    def close(self) -> None:
        """Stop every job."""
        for number in list(self._running):
            self.cancel(number)

    def turn(self) -> list[Event]:
        """Work on one chunk, or wait a moment for one; what became known by it.

        A clip gives `ClipOpened`, `FrameDone` ... and `ClipDone`; pictures give `FrameDone` ...
        and `PicturesDone`; either may end with `ClipFailed` at any point. Frames of a job come
        in order; jobs interleave.
        """
        late: list[Event] = []
        for running in list(self._running.values()):
            if running.deadline.left <= 0:
                late.append(ClipFailed(running.number, running.deadline.error()))
                self.cancel(running.number)
        if late or not self._running:
            return late
        turn = self._take()
        events: list[Event] = [*turn.opened, *self._infer(turn)]
        for event in turn.closing:
            running = self._running.pop(event.job)
            running.seconds.total = time.perf_counter() - running.started
            events.append(event)
        return events

    def _take(self) -> _Turn:
        """A chunk of crops, or what there is once the front ends fall behind."""
        turn = _Turn()
        waiting = set(self._running)
        # Samples without faces count too, or a clip of nobody would be one endless turn.
        while (
            waiting
            and turn.crops < self._runtime.chunk_size
            and len(turn.samples) < _QUEUED_SAMPLES
        ):
            patience = self._fill_wait_s if turn.samples or turn.closing else _POLL_S
            try:
                item = self._items.get(timeout=min(patience, self._time_left()))
            except queue.Empty:
                break
            number = item[0] if isinstance(item, tuple) else item.job
            running = self._running.get(number)
            if running is None:
                continue
            if isinstance(item, tuple):
                turn.samples.append((running, item[1]))
                turn.crops += len(item[1].crops)
                first, running.seen = not running.seen, True
                if first and not self._together:
                    break
            elif isinstance(item, ClipOpened):
                turn.opened.append(item)
                if not turn.samples:
                    break
            else:
                turn.closing.append(item)
                waiting.discard(number)
        return turn

    def _time_left(self) -> float:
        return max(0.0, min(running.deadline.left for running in self._running.values()))

    def _infer(self, turn: _Turn) -> list[FrameDone]:
        """Value the turn's crops and account for the time."""
        crops: list[FaceCrop] = []
        memories: list[TrackMemory] = []
        times_s: list[float] = []
        for running, sample in turn.samples:
            crops += sample.crops
            times_s += [sample.time_s] * len(sample.crops)
            memories += [running.session.memory(crop.face.track) for crop in sample.crops]
        inferred = infer(self._runtime, memories, times_s, crops)
        values = iter(zip(inferred.values, inferred.confidences, strict=True))
        done = []
        for running, sample in turn.samples:
            faces = []
            for crop, ((valence, arousal), sure) in zip(sample.crops, values, strict=False):
                faces.append(
                    FaceAffect(crop.face, arousal=arousal, valence=valence, confidence=sure)
                )
            running.seconds.backbone += inferred.backbone_s * len(faces) / max(1, len(crops))
            running.seconds.temporal += inferred.temporal_s * len(faces) / max(1, len(crops))
            running.session.forget(sample.ended)
            done.append(
                FrameDone(running.number, FrameAffect(sample.index, sample.time_s, tuple(faces)))
            )
        return done
