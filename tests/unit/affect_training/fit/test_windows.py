"""Which windows a batch holds: invariants over any slots, epochs and processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_training.dataset.prepared import TrackRef
from affect_training.errors import TrainingError
from affect_training.fit.windows import Slot, Window, WindowBatches, frame_slots, sequence_slots


def track_of(rated: Sequence[bool]) -> TrackRef:
    count = len(rated)
    values = np.where(np.array(rated, bool), 0.5, np.nan)
    numbers = np.arange(count, dtype=np.int64)
    return TrackRef(
        clip="a.mp4",
        subject="a",
        track=0,
        shard="shard",
        sample=numbers,
        time_s=numbers / 5,
        arousal=values,
        valence=values,
        offset=numbers,
        size=numbers,
    )


track_lists = st.lists(
    st.lists(st.booleans(), min_size=1, max_size=30).map(track_of), min_size=1, max_size=6
)


@given(tracks=track_lists)
def test_there_is_a_frame_slot_for_every_rated_crop(tracks: list[TrackRef]) -> None:
    expected = [
        Slot(number, place, place, 1)
        for number, track in enumerate(tracks)
        for place in range(len(track))
        if not np.isnan(track.arousal[place])
    ]
    assert frame_slots(tracks) == expected


@given(tracks=track_lists, steps=st.integers(1, 20))
def test_sequence_slots_cover_rated_tracks_and_stay_inside(
    tracks: list[TrackRef], steps: int
) -> None:
    slots = sequence_slots(tracks, steps)
    counts = Counter(slot.track for slot in slots)
    for number, track in enumerate(tracks):
        if np.isnan(track.arousal).all():
            assert counts[number] == 0
        else:
            assert counts[number] >= 1
            assert abs(counts[number] - len(track) / steps) <= 1
    for slot in slots:
        length = len(tracks[slot.track])
        assert slot.steps == min(steps, length)
        assert (slot.first, slot.last) == (0, length - slot.steps)


@st.composite
def samplers(draw: st.DrawFn) -> tuple[list[Slot], dict[str, int]]:
    """Slots, and the settings of a sampler for one process."""
    count = draw(st.integers(1, 15))
    slots = [
        Slot(number, 0, draw(st.integers(0, 9)), draw(st.integers(1, 5))) for number in range(count)
    ]
    return slots, {
        "seed": draw(st.integers(0, 2**31 - 1)),
        "batch_size": draw(st.integers(1, 3)) * 4,
        "steps_per_epoch": draw(st.integers(1, 4)),
    }


def epoch_of(
    slots: list[Slot], settings: dict[str, int], epoch: int, rank: int = 0, world: int = 1
) -> list[list[Window]]:
    batches = WindowBatches(slots, **settings, rank=rank, world=world)
    batches.set_epoch(epoch)
    return list(batches)


@given(sampler=samplers(), epoch=st.integers(0, 50))
def test_an_epoch_is_a_function_of_seed_and_epoch(
    sampler: tuple[list[Slot], dict[str, int]], epoch: int
) -> None:
    slots, settings = sampler
    expected = epoch_of(slots, settings, epoch)
    assert len(expected) == settings["steps_per_epoch"]
    assert {len(batch) for batch in expected} == {settings["batch_size"]}
    used = WindowBatches(slots, **settings, rank=0, world=1)
    assert len(used) == settings["steps_per_epoch"]
    for other in (epoch + 1, 0, epoch):
        used.set_epoch(other)
        last = list(used)
    assert last == expected


@given(sampler=samplers(), epoch=st.integers(0, 9), world=st.sampled_from([2, 4]))
def test_the_processes_batches_interleave_to_one_process_s(
    sampler: tuple[list[Slot], dict[str, int]], epoch: int, world: int
) -> None:
    slots, settings = sampler
    shares = [epoch_of(slots, settings, epoch, rank, world) for rank in range(world)]
    together = [
        [window for windows in zip(*step, strict=True) for window in windows]
        for step in zip(*shares, strict=True)
    ]
    assert together == epoch_of(slots, settings, epoch)


@given(sampler=samplers(), rounds=st.integers(1, 3))
def test_each_round_visits_each_slot_once(
    sampler: tuple[list[Slot], dict[str, int]], rounds: int
) -> None:
    slots, settings = sampler
    wanted, epoch, windows = rounds * len(slots), 0, list[Window]()
    while len(windows) < wanted:
        windows += [window for batch in epoch_of(slots, settings, epoch) for window in batch]
        epoch += 1
    for number in range(rounds):
        part = windows[number * len(slots) : (number + 1) * len(slots)]
        assert sorted(window.track for window in part) == list(range(len(slots)))


@given(sampler=samplers(), epoch=st.integers(0, 9))
def test_windows_lie_in_their_slots(sampler: tuple[list[Slot], dict[str, int]], epoch: int) -> None:
    slots, settings = sampler
    for batch in epoch_of(slots, settings, epoch):
        for window in batch:
            slot = slots[window.track]
            assert slot.first <= window.start <= slot.last
            assert window.stop - window.start == slot.steps


def test_starts_orders_and_augmentation_vary() -> None:
    slots = [Slot(number, 0, 9, 3) for number in range(20)]
    settings = {"seed": 1, "batch_size": 20, "steps_per_epoch": 1}
    epochs = [epoch_of(slots, settings, epoch)[0] for epoch in range(10)]
    assert len({tuple(window.track for window in epoch) for epoch in epochs}) == 10
    assert {window.start for epoch in epochs for window in epoch} == set(range(10))
    seeds = [window.seed for epoch in epochs for window in epoch]
    assert len(set(seeds)) == len(seeds)
    other = epoch_of(slots, {**settings, "seed": 2}, 0)[0]
    assert other != epochs[0]


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 2)])
def test_an_empty_window_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(0, start, stop, 0)


def test_a_batch_that_cannot_be_shared_and_no_slots_are_refused() -> None:
    one = [Slot(0, 0, 0, 1)]
    with pytest.raises(TrainingError, match="batch_size 5 cannot be shared by 2"):
        WindowBatches(one, seed=0, batch_size=5, steps_per_epoch=1, rank=0, world=2)
    with pytest.raises(ValueError, match="no windows"):
        WindowBatches([], seed=0, batch_size=5, steps_per_epoch=1, rank=0, world=1)
