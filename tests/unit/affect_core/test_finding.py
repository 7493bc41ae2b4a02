from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from affect_core.errors import ClipError, ClipTooLongError
from affect_core.finding import FaceFinder
from affect_core.frontend import prepare_ahead
from affect_core.session import Session
from affect_core.spec import PreprocessSpec
from affect_core.types import Image, RawFace, Sample, StageSeconds

SPEC = PreprocessSpec(crop_size=32)


def samples(count: int, failure: ClipError | None = None) -> Iterator[Sample]:
    for index in range(count):
        yield Sample(index, index / 5, np.full((60, 80, 3), index, np.uint8))
    if failure is not None:
        raise failure


def of_brightness(image: Image) -> list[RawFace]:
    """A face whose place tells the frame; the earlier ones take longer to find."""
    number = int(image[0, 0, 0])
    time.sleep(0.02 if number % 3 == 0 else 0.001)
    return [(number, 5.0, 20.0, 20.0, 0.9)]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_samples_are_those_of_one_thread_in_order(threads: int) -> None:
    expected = Session.begin(SPEC, "primary")
    wanted = [expected.see(sample, of_brightness) for sample in samples(20)]
    finder = FaceFinder(of_brightness, SPEC, threads)
    seconds = StageSeconds()
    got = list(prepare_ahead(samples(20), Session.begin(SPEC, "primary"), finder, seconds))
    finder.close()
    assert [one.index for one in got] == list(range(20))
    for one, other in zip(got, wanted, strict=True):
        assert [crop.face for crop in one.crops] == [crop.face for crop in other.crops]
        assert np.array_equal(one.crops[0].pixels, other.crops[0].pixels)
    assert seconds.detect >= 7 * 0.02


def test_several_frames_are_looked_at_at_once() -> None:
    together = threading.Barrier(3, timeout=20)

    def meeting(_: Image) -> list[RawFace]:
        together.wait()
        return []

    finder = FaceFinder(meeting, SPEC, 3)
    session = Session.begin(SPEC, "all")
    assert len(list(prepare_ahead(samples(9), session, finder, StageSeconds()))) == 9
    finder.close()


def test_what_came_before_a_failure_is_given_first() -> None:
    finder = FaceFinder(of_brightness, SPEC, 4)
    failing = samples(5, ClipTooLongError("over"))
    prepared = prepare_ahead(failing, Session.begin(SPEC, "primary"), finder, StageSeconds())
    assert [next(prepared).index for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ClipTooLongError):
        next(prepared)
    finder.close()


class Held:
    """What a failed clip's frames of the stack hold: its bytes, its memory."""


def test_a_failure_leaves_nothing_for_the_garbage_collector() -> None:
    finder = FaceFinder(of_brightness, SPEC, 1)
    held = Held()
    left = weakref.ref(held)

    def failing(held: Held) -> Iterator[Sample]:
        yield from samples(2)
        raise ClipTooLongError(f"over {id(held)}")

    prepared = prepare_ahead(failing(held), Session.begin(SPEC, "primary"), finder, StageSeconds())
    del held
    gc.disable()
    try:
        with suppress(ClipTooLongError):
            for _ in prepared:
                pass
        del prepared
        assert left() is None
    finally:
        gc.enable()
    finder.close()


def test_stopping_early_looks_no_further() -> None:
    looked: list[int] = []

    def counted(image: Image) -> list[RawFace]:
        looked.append(int(image[0, 0, 0]))
        return []

    finder = FaceFinder(counted, SPEC, 2)
    prepared = prepare_ahead(samples(50), Session.begin(SPEC, "all"), finder, StageSeconds())
    assert next(prepared).index == 0
    prepared.close()
    finder.close()
    assert len(looked) <= 4


def test_large_frames_do_not_pile_up() -> None:
    finder = FaceFinder(of_brightness, SPEC, 8)
    assert finder.ahead(np.zeros((720, 1280, 3), np.uint8)) == 8
    assert finder.ahead(np.zeros((2160, 3840, 3), np.uint8)) == 2
    assert finder.ahead(np.zeros((4320, 8192, 3), np.uint8)) == 1
    finder.close()


def test_a_detectors_failure_is_the_jobs() -> None:
    def failing(_: Image) -> list[RawFace]:
        raise RuntimeError("no network")

    finder = FaceFinder(failing, SPEC, 2)
    with pytest.raises(RuntimeError, match="no network"):
        list(prepare_ahead(samples(3), Session.begin(SPEC, "all"), finder, StageSeconds()))
    finder.close()
