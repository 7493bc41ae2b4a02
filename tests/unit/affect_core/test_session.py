from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_core.errors import SessionMismatchError
from affect_core.inference import infer
from affect_core.runtime import Runtime
from affect_core.session import Session, TrackMemory
from affect_core.spec import PreprocessSpec
from affect_core.types import Image, PreparedSample, RawFace, Sample

SPEC = PreprocessSpec(crop_size=32)
WIDTH, HEIGHT = 64, 48
FACES: list[RawFace] = [(4, 4, 16, 16, 0.9), (30, 10, 24, 24, 0.8)]
Seen = tuple[tuple[bool, bool], float]
"""Which of the two faces are there, and seconds since the sample before."""


def detector_of(visible: tuple[bool, bool]) -> Callable[[Image], list[RawFace]]:
    return lambda image: [face for face, there in zip(FACES, visible, strict=True) if there]


def sample_at(index: int, time_s: float, width: int = WIDTH) -> Sample:
    random = np.random.default_rng(index)
    return Sample(index, time_s, random.integers(0, 256, (HEIGHT, width, 3), np.uint8))


def watch(session: Session, seen: list[Seen], first: int = 0) -> list[PreparedSample]:
    prepared = []
    time_s = max(session.last_s, 0.0)
    for count, (visible, elapsed) in enumerate(seen):
        time_s += elapsed
        sample = sample_at(first + count, time_s)
        prepared.append(session.see(sample, detector_of(visible)))
    return prepared


visibility = st.tuples(st.booleans(), st.booleans())
sightings = st.lists(st.tuples(visibility, st.sampled_from([0.2, 0.5, 1.3])), max_size=12)


def assert_equal(left: list[PreparedSample], right: list[PreparedSample]) -> None:
    assert [(s.index, s.time_s, s.ended) for s in left] == [
        (s.index, s.time_s, s.ended) for s in right
    ]
    for one, other in zip(left, right, strict=True):
        assert [crop.face for crop in one.crops] == [crop.face for crop in other.crops]
        for a, b in zip(one.crops, other.crops, strict=True):
            np.testing.assert_array_equal(a.pixels, b.pixels)


@settings(max_examples=60)
@given(past=sightings, tried=sightings, future=sightings, faces=st.sampled_from(["primary", "all"]))
def test_what_a_copy_sees_changes_nothing_for_the_session_it_was_made_of(
    past: list[Seen], tried: list[Seen], future: list[Seen], faces: str
) -> None:
    session, alone = (Session.begin(SPEC, "all" if faces == "all" else "primary") for _ in range(2))
    assert_equal(watch(session, past), watch(alone, past))
    watch(session.copy(), tried, first=99)
    assert (session.samples, session.last_s) == (alone.samples, alone.last_s)
    assert_equal(watch(session, future, len(past)), watch(alone, future, len(past)))


@settings(max_examples=60)
@given(seen=sightings, cut=st.integers(0, 12), faces=st.sampled_from(["primary", "all"]))
def test_a_chain_of_copies_sees_what_one_session_sees(
    seen: list[Seen], cut: int, faces: str
) -> None:
    choice = "all" if faces == "all" else "primary"
    whole = watch(Session.begin(SPEC, choice), seen)  # type: ignore[arg-type]
    session = Session.begin(SPEC, choice)  # type: ignore[arg-type]
    first = watch(session, seen[:cut])
    assert_equal(first + watch(session.copy(), seen[cut:], len(first)), whole)


def test_copies_go_on_from_the_same_state_and_keep_their_own(tiny_runtime: Runtime) -> None:
    session = Session.begin(SPEC, "all")

    def value(of: Session, index: int, time_s: float) -> tuple[float, float]:
        crops = of.see(sample_at(index, time_s), detector_of((True, False))).crops
        return infer(tiny_runtime, [of.memory(0)], [time_s], crops).values[0]

    value(session, 0, 0.0)
    copy = session.copy()
    once, again = value(copy, 1, 0.2), value(session, 1, 0.2)
    assert once == pytest.approx(again, abs=1e-6)
    value(copy, 2, 0.4)
    other = value(copy, 3, 0.6)
    assert value(session, 3, 0.6) != pytest.approx(other, abs=1e-4)


def test_a_memory_is_kept_until_it_is_forgotten() -> None:
    session = Session.begin(SPEC, "all")
    memory = session.memory(3)
    assert session.memory(3) is memory
    session.forget([3, 4])
    assert session.memory(3) is not memory


def test_memories_are_told_apart_by_what_they_belong_to() -> None:
    assert TrackMemory() != TrackMemory()
    assert len({TrackMemory(): 0, TrackMemory(): 1}) == 2


@pytest.mark.parametrize("time_s", [0.4, 0.3, 0.0])
def test_times_that_do_not_increase_are_refused_and_change_nothing(time_s: float) -> None:
    session = Session.begin(SPEC, "primary")
    watch(session, [((True, True), 0.4)])
    before = replace(session)
    with pytest.raises(SessionMismatchError, match="times must increase"):
        session.see(sample_at(1, time_s), detector_of((True, True)))
    assert (session.samples, session.last_s) == (before.samples, before.last_s) == (1, 0.4)


def test_a_frame_of_another_size_is_refused_and_changes_nothing() -> None:
    session = Session.begin(SPEC, "primary")
    watch(session, [((True, True), 0.2)])
    with pytest.raises(SessionMismatchError, match=r"32x48 pixels .* have\s+64x48"):
        session.see(sample_at(1, 0.4, width=32), detector_of((True, True)))
    assert session.samples == 1
    watch(session, [((True, True), 0.2)], first=1)
    assert session.samples == 2
