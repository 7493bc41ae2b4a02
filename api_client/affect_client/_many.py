"""Several clips at a time: outcomes, their order, and the threads of the synchronous client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

from affect_client.errors import AffectError, SettingsError
from affect_client.results import AffectResult
from affect_client.uploads import ClipSource

_AHEAD: Final = 2
"""Clips begun and not handed over yet, in multiples of the concurrency: a slow first clip does not
idle the others, and results do not pile up behind it."""


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """One of many clips: its result, or why it has none."""

    index: int
    """From 0, in the order of the clips."""
    clip: ClipSource = field(repr=False)
    """As it was given."""
    result: AffectResult | None
    """None where the clip failed."""
    error: AffectError | None
    """None where it did not."""

    def unwrap(self) -> AffectResult:
        """The result.

        Raises:
            AffectError: why there is none.
        """
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise ValueError("an outcome has a result or an error")
        return self.result


class AsCompleted:
    """Hands outcomes over as they come."""

    def __init__(self, concurrency: int) -> None:
        if concurrency < 1:
            raise SettingsError(f"concurrency is {concurrency}; it must be 1 or more.")
        self._limit = concurrency
        self._begun = 0
        self._finished = 0

    @property
    def has_room(self) -> bool:
        """Whether another clip may begin."""
        return self._begun - self._finished < self._limit

    @property
    def is_waiting(self) -> bool:
        """Whether clips have begun and not finished."""
        return self._begun > self._finished

    def begin(self) -> None:
        """A clip begins."""
        self._begun += 1

    def finish(self, finished: ClipOutcome) -> Iterator[ClipOutcome]:
        """A clip has finished; what can be handed over now."""
        self._finished += 1
        yield finished


class InOrder(AsCompleted):
    """Hands outcomes over in the order of the clips."""

    def __init__(self, concurrency: int) -> None:
        super().__init__(concurrency)
        self._held: dict[int, ClipOutcome] = {}
        self._next = 0

    @property
    def has_room(self) -> bool:
        """Whether another clip may begin."""
        return super().has_room and self._begun - self._next < self._limit * _AHEAD

    def finish(self, finished: ClipOutcome) -> Iterator[ClipOutcome]:
        """A clip has finished; what can be handed over now."""
        self._finished += 1
        self._held[finished.index] = finished
        while self._next in self._held:
            self._next += 1
            yield self._held.pop(self._next - 1)


def outcome(index: int, clip: ClipSource, found: AffectResult | AffectError) -> ClipOutcome:
    """The outcome of one clip."""
    if isinstance(found, AffectError):
        return ClipOutcome(index, clip, None, found)
    return ClipOutcome(index, clip, found, None)


def run_in_threads(
    predict: Callable[[ClipSource], AffectResult],
    clips: Iterable[ClipSource],
    concurrency: int,
    order: AsCompleted,
) -> Generator[ClipOutcome, None, None]:
    """Outcomes of clips, which are taken from their iterable as there is room.

    Where the caller stops early, clips that have begun run to their end in the background, and
    no others begin. Threads do not hold up the end of the program.
    """
    jobs: SimpleQueue[tuple[int, ClipSource] | None] = SimpleQueue()
    done: SimpleQueue[tuple[int, ClipSource, AffectResult | BaseException]] = SimpleQueue()
    stopped = Event()

    def work() -> None:
        while (job := jobs.get()) is not None:
            if stopped.is_set():
                continue
            try:
                found: AffectResult | BaseException = predict(job[1])
            except BaseException as error:  # raised again in the caller's thread
                found = error
            done.put((*job, found))

    threads = [Thread(target=work, daemon=True, name="affect-client") for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    remaining = enumerate(clips)
    has_more = True
    try:
        while has_more or order.is_waiting:
            while has_more and order.has_room:
                job = next(remaining, None)
                if job is None:
                    has_more = False
                else:
                    order.begin()
                    jobs.put(job)
            if order.is_waiting:
                index, clip, found = done.get()
                if not isinstance(found, AffectResult | AffectError):
                    raise found
                yield from order.finish(outcome(index, clip, found))
    finally:
        stopped.set()
        for _ in threads:
            jobs.put(None)
