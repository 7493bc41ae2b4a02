"""Which windows of which tracks a batch holds, as a function of seed and epoch alone.

So every process, and a run that was interrupted, sees the batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

from affect_training.dataset.prepared import TrackRef
from affect_training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Window:
    """Crops `start` to `stop` (excluded) of a track, and the seed of its augmentation."""

    track: int
    start: int
    stop: int
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"window {self.start} to {self.stop}")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where windows of one track may start: `first` to `last`, both included."""

    track: int
    first: int
    last: int
    steps: int


def frame_slots(tracks: Sequence[TrackRef]) -> list[Slot]:
    """A slot for every rated crop."""
    return [
        Slot(number, int(place), int(place), 1)
        for number, track in enumerate(tracks)
        for place in np.flatnonzero(~np.isnan(track.arousal))
    ]


def sequence_slots(tracks: Sequence[TrackRef], steps: int) -> list[Slot]:
    """As many slots of `steps` crops as fit into each track that holds a rating, at least one."""
    return [
        Slot(number, 0, max(0, len(track) - steps), min(steps, len(track)))
        for number, track in enumerate(tracks)
        if not np.isnan(track.arousal).all()
        for _ in range(max(1, round(len(track) / steps)))
    ]


class WindowBatches(Sampler[list[Window]]):
    """Batches of windows for one process, `steps_per_epoch` in each epoch.

    Slots are gone through in a shuffled order, again and again; an epoch takes the next part
    of it. The processes share each batch out in turn.

    Args:
        slots: at least one.
        seed: of the order, the windows' starts and their augmentation.
        batch_size: of all processes together; a multiple of their number.
        steps_per_epoch: batches in an epoch.
        rank: this process.
        world: how many processes.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        *,
        seed: int,
        batch_size: int,
        steps_per_epoch: int,
        rank: int,
        world: int,
    ) -> None:
        if not slots:
            raise ValueError("no windows to train on")
        if batch_size % world:
            raise TrainingError(
                f"batch_size {batch_size} cannot be shared by {world} processes: choose a multiple."
            )
        self._slots = slots
        self._seed = seed
        self._batch_size = batch_size
        self._steps = steps_per_epoch
        self._rank = rank
        self._world = world
        self._epoch = 0
        self._shuffled: tuple[int, Sequence[int]] = (-1, ())

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[Window]]:
        first = self._epoch * self._steps * self._batch_size
        for step in range(self._steps):
            start = first + step * self._batch_size + self._rank
            stop = first + (step + 1) * self._batch_size
            yield [self._window(place) for place in range(start, stop, self._world)]

    def _window(self, place: int) -> Window:
        round_number, position = divmod(place, len(self._slots))
        slot = self._slots[self._order(round_number)[position]]
        random = np.random.default_rng((self._seed, 1, place))
        start = int(random.integers(slot.first, slot.last + 1))
        seed = int(random.integers(2**31))
        return Window(slot.track, start, start + slot.steps, seed)

    def _order(self, round_number: int) -> Sequence[int]:
        if self._shuffled[0] != round_number:
            random = np.random.default_rng((self._seed, 0, round_number))
            self._shuffled = (round_number, random.permutation(len(self._slots)).tolist())
        return self._shuffled[1]
