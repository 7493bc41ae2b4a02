from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_core.spec import PreprocessSpec
from affect_core.tracks import FaceSelector, Tracker
from affect_core.types import Box, Detection, TrackedFace

Faces = tuple[TrackedFace, ...]
Frame = tuple[float, list[Detection]]

STEP = 0.2
SPEC = PreprocessSpec()


def face(x: float, y: float = 0, size: float = 100) -> Detection:
    return Detection(Box(x, y, size, size), 0.9)


def largest_first(found: list[Detection]) -> list[Detection]:
    return sorted(found, key=lambda detection: -detection.box.area)


# On a coarse grid, so that boxes often overlap and overlaps often tie.
boxes = st.builds(
    Box,
    st.integers(0, 8).map(lambda cell: 20 * cell),
    st.integers(0, 2).map(lambda cell: 20 * cell),
    st.integers(2, 5).map(lambda cells: 20 * cells),
    st.integers(2, 5).map(lambda cells: 20 * cells),
)
detections = st.lists(st.builds(Detection, boxes, st.floats(0, 1)), max_size=3).map(largest_first)


@st.composite
def clips(draw: st.DrawFn) -> list[Frame]:
    steps = draw(st.lists(st.integers(1, 8), max_size=10))
    times = [STEP * total for total in itertools.accumulate(steps, initial=0)]
    return [(time, draw(detections)) for time in times]


def tracked(clip: list[Frame], spec: PreprocessSpec = SPEC) -> list[tuple[Faces, tuple[int, ...]]]:
    tracker = Tracker(spec)
    return [tracker.update(time, found) for time, found in clip]


def ids(faces: Faces) -> list[int]:
    return [seen.track for seen in faces]


def reference(clip: list[Frame], spec: PreprocessSpec) -> list[list[int]]:
    """The ids by taking the best remaining pair again and again."""
    last: dict[int, tuple[float, Box]] = {}
    fresh = itertools.count()
    answer: list[list[int]] = []
    for time, found in clip:
        open_tracks = {
            track
            for track, (seen, _) in last.items()
            if track in answer[-1] or time - seen <= spec.track_max_gap_s + 1e-6
        }
        last = {track: last[track] for track in open_tracks}
        chosen: dict[int, int] = {}
        while pairs := [
            (-overlap, track, position)
            for track in open_tracks - set(chosen.values())
            for position, detection in enumerate(found)
            if position not in chosen
            and (overlap := last[track][1].iou(detection.box)) >= spec.track_min_iou
        ]:
            _, track, position = min(pairs)
            chosen[position] = track
        for position in range(len(found)):
            if position not in chosen:
                chosen[position] = next(fresh)
        last.update({chosen[k]: (time, seen.box) for k, seen in enumerate(found)})
        answer.append([chosen[position] for position in range(len(found))])
    return answer


@given(clip=clips(), overlap=st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_ids_are_those_of_taking_the_best_pair_again_and_again(
    clip: list[Frame], overlap: float
) -> None:
    spec = PreprocessSpec(track_min_iou=overlap)
    assert [ids(faces) for faces, _ in tracked(clip, spec)] == reference(clip, spec)


@given(clip=clips())
def test_every_detection_comes_back_in_its_place_with_an_id_of_its_own(clip: list[Frame]) -> None:
    for (_, found), (faces, _) in zip(clip, tracked(clip), strict=True):
        assert [seen.detection for seen in faces] == found
        assert len(set(ids(faces))) == len(faces)


@given(clip=clips(), data=st.data())
def test_what_comes_later_changes_nothing_before_it(clip: list[Frame], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(clip)))
    other = data.draw(detections)
    changed = [*clip[:cut], *((time, other) for time, _ in clip[cut:])]
    assert tracked(changed)[:cut] == tracked(clip)[:cut]
    assert tracked(clip[:cut]) == tracked(clip)[:cut]


@given(clip=clips())
def test_ids_count_up_and_an_ended_one_never_comes_back(clip: list[Frame]) -> None:
    over: set[int] = set()
    known: list[int] = []
    for faces, ended in tracked(clip):
        assert not over & set(ended)
        over.update(ended)
        assert set(ended) <= set(known)
        assert not over & set(ids(faces))
        known += sorted(set(ids(faces)) - set(known))
    assert known == list(range(len(known)))


@given(clip=clips())
def test_a_track_ends_exactly_when_it_was_missing_and_unseen_for_longer_than_the_gap(
    clip: list[Frame],
) -> None:
    seen: dict[int, float] = {}
    before: list[int] = []
    for (time, _), (faces, ended) in zip(clip, tracked(clip), strict=True):
        due = {
            track
            for track, last in seen.items()
            if track not in before and time - last > SPEC.track_max_gap_s + 1e-6
        }
        assert set(ended) == due
        before = ids(faces)
        seen = {track: last for track, last in seen.items() if track not in due}
        seen.update(dict.fromkeys(before, time))


@pytest.mark.parametrize("missed", [0, 1, 3, 4])
def test_a_face_lost_for_no_longer_than_the_gap_keeps_its_id(missed: int) -> None:
    clip = [(0.0, [face(0)]), *((STEP * k, []) for k in range(1, missed + 1))]
    clip.append((STEP * (missed + 1), [face(5)]))
    assert ids(tracked(clip)[-1][0]) == [0]


def test_a_face_lost_for_longer_than_the_gap_is_another_one() -> None:
    clip = [(0.0, [face(0)]), (STEP, []), (1.0 + STEP, [face(0)]), (1.0 + 2 * STEP, [face(0)])]
    answers = tracked(clip)
    assert [ids(faces) for faces, _ in answers] == [[0], [], [1], [1]]
    assert [ended for _, ended in answers] == [(), (), (0,), ()]


def test_samples_further_apart_than_the_gap_end_no_track_that_is_in_each_of_them() -> None:
    clip = [(3.0 * k, [face(0)]) for k in range(4)]
    assert [ids(faces) for faces, _ in tracked(clip)] == [[0]] * 4


def test_two_faces_that_pass_each_other_keep_their_ids_by_overlap() -> None:
    walk = [
        (STEP * k, largest_first([face(20 * k, 0, 100), face(300 - 20 * k, 40, 90)]))
        for k in range(16)
    ]
    answers = tracked(walk)
    assert {tuple(ids(faces)) for faces, _ in answers} == {(0, 1)}


# Smoothing. A first-order low-pass keeps exp(-elapsed / time constant) of the past.


@given(
    elapsed=st.floats(0.01, 0.9),
    constant=st.floats(0.01, 2.0),
    shift=st.floats(-60, 60),
    growth=st.floats(-30, 60),
)
def test_the_square_follows_a_moved_face_as_a_first_order_low_pass(
    elapsed: float, constant: float, shift: float, growth: float
) -> None:
    spec = PreprocessSpec(box_smoothing_s=constant, crop_margin=0.0, track_min_iou=0.01)
    moved = Detection(Box(shift, 0, 100 + growth, 100 + growth), 0.9)
    answers = tracked([(0.0, [face(0)]), (elapsed, [moved])], spec)
    old, new, got = face(0).box, moved.box, answers[1][0][0].square
    past = math.exp(-elapsed / constant)
    assert ids(answers[1][0]) == [0]
    assert got.width == pytest.approx(past * old.width + (1 - past) * new.width)
    for axis in ("x", "y"):
        before, after, now = (getattr(box, axis) + box.width / 2 for box in (old, new, got))
        assert now == pytest.approx(past * before + (1 - past) * after, abs=1e-9)


@given(cuts=st.lists(st.floats(0.01, 0.99), max_size=5, unique=True))
def test_smoothing_does_not_depend_on_the_sampling_rate(cuts: list[float]) -> None:
    moved = face(30)
    once = tracked([(0.0, [face(0)]), (1.0, [moved])])[-1][0][0].square
    often = tracked(
        [(0.0, [face(0)]), *((time, [moved]) for time in sorted(cuts)), (1.0, [moved])]
    )[-1][0][0].square
    for got, expected in zip(
        (often.x, often.y, often.width), (once.x, once.y, once.width), strict=True
    ):
        assert got == pytest.approx(expected, abs=1e-9)


@given(box=boxes, margin=st.floats(0, 1), frames=st.integers(1, 6))
def test_a_face_that_stands_still_has_a_still_square_around_it(
    box: Box, margin: float, frames: int
) -> None:
    spec = PreprocessSpec(crop_margin=margin)
    still = [(STEP * k, [Detection(box, 0.9)]) for k in range(frames)]
    square = tracked(still, spec)[-1][0][0].square
    longer = max(box.width, box.height)
    assert square.width == square.height == pytest.approx(longer * (1 + 2 * margin))
    assert square.x + square.width / 2 == pytest.approx(box.x + box.width / 2, abs=1e-9)
    assert square.y + square.height / 2 == pytest.approx(box.y + box.height / 2, abs=1e-9)


def test_without_smoothing_the_square_is_the_face_s_at_once() -> None:
    spec = PreprocessSpec(box_smoothing_s=0.0, crop_margin=0.0)
    answers = tracked([(0.0, [face(0)]), (STEP, [face(30)])], spec)
    assert answers[1][0][0].square == Box(30, 0, 100, 100)


# The primary face.


@given(clip=clips())
def test_all_faces_are_selected_as_they_are(clip: list[Frame]) -> None:
    selector = FaceSelector("all")
    for faces, ended in tracked(clip):
        assert selector.select(faces, ended) == faces


@given(clip=clips())
def test_the_primary_face_is_the_largest_until_its_track_ends(clip: list[Frame]) -> None:
    selector = FaceSelector("primary")
    followed: int | None = None
    for faces, ended in tracked(clip):
        chosen = selector.select(faces, ended)
        if followed in ended:
            followed = None
        if followed is None:
            largest = max((seen.detection.box.area for seen in faces), default=None)
            assert [seen.detection.box.area for seen in chosen] == ([largest] if faces else [])
            followed = chosen[0].track if chosen else None
        else:
            assert chosen == tuple(seen for seen in faces if seen.track == followed)


def test_a_larger_face_that_comes_later_does_not_take_over() -> None:
    selector = FaceSelector("primary")
    clip = [
        (0.0, [face(0)]),
        (0.2, [face(200, size=150), face(0)]),
        (0.4, [face(200, size=150)]),
        (0.6, [face(200, size=150), face(0)]),
        (0.8, [face(200, size=150)]),
        (1.8, [face(200, size=150), face(0)]),
    ]
    chosen = [ids(selector.select(*answer)) for answer in tracked(clip)]
    assert chosen == [[0], [0], [], [0], [], [1]]
