"""Live sessions inside TorchServe's own context: the numbers are those of the whole clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ts.context import Context

import clips
from affect_client import wire
from affect_core.events import ClipJob, FrameDone
from affect_core.pipeline import AffectPipeline
from affect_core.types import FrameAffect, Image, Sampling
from live_steps import FPS, Step, headers, jpeg, lossless, pictures, piece, sampled
from worker import call_each

TOLERANCE = 1e-5
COUNT = 12
NAMES = ("one", "two", "comes and goes")


@lru_cache
def frames_of(name: str) -> tuple[Image, ...]:
    """Samples with one face, with two, and with one that comes and goes for more than a second."""
    if name == "comes and goes":
        pattern = (True, True, False, True, True, *[False] * 6, True)
        return tuple(sampled(clips.face_comes_and_goes(pattern), COUNT))
    return tuple(sampled(clips.carphone() if name == "one" else clips.two_faces(3.0), COUNT))


@lru_cache
def cut(name: str, start: int, stop: int) -> bytes:
    return lossless(frames_of(name)[start:stop])


@pytest.fixture(scope="module")
def whole(pipeline: AffectPipeline) -> dict[str, list[FrameAffect]]:
    """Each clip posted whole."""
    answers = {}
    for name in NAMES:
        events = pipeline.events([ClipJob(cut(name, 0, COUNT), Sampling(faces="all"))])
        answers[name] = [event.frame for event in events if isinstance(event, FrameDone)]
        assert len(answers[name]) == COUNT
    return answers


@st.composite
def steps(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """A clip's samples in requests of any length, as pictures or as short clips."""
    cuts = sorted(draw(st.sets(st.integers(1, COUNT - 1))) | {COUNT})
    rows = []
    for start, stop in zip([0, *cuts], cuts, strict=False):
        if draw(st.booleans()):
            times = [k / FPS for k in range(start, stop)]
            rows.append(pictures(frames_of(name)[start:stop], times, faces="all"))
        else:
            rows.append(piece(cut(name, start, stop), start / FPS, sample_fps=FPS, faces="all"))
    return rows


def ask(handler: Any, context: Context, batch: Sequence[Step]) -> list[wire.LiveAnswer]:
    texts = call_each(handler, context, batch)
    for position in range(len(batch)):
        assert context.get_response_status(position)[0] == 200, texts[position]
    return [wire.LiveAnswer.model_validate_json(text) for text in texts]


def assert_same(live: Sequence[wire.Frame], whole: Sequence[FrameAffect]) -> None:
    assert [frame.index for frame in live] == [frame.index for frame in whole]
    assert [frame.time_s for frame in live] == pytest.approx([f.time_s for f in whole])
    for frame, expected in zip(live, whole, strict=True):
        assert [f.track for f in frame.faces] == [f.face.track for f in expected.faces]
        for face, other in zip(frame.faces, expected.faces, strict=True):
            assert (face.box.x, face.box.y) == (
                other.face.detection.box.x,
                other.face.detection.box.y,
            )
            assert face.arousal == pytest.approx(other.arousal, abs=TOLERANCE)
            assert face.valence == pytest.approx(other.valence, abs=TOLERANCE)


def test_the_clips_move_the_model(whole: dict[str, list[FrameAffect]]) -> None:
    # Or else any two answers would be the same.
    for name in NAMES:
        values = [face.arousal for frame in whole[name] for face in frame.faces]
        assert np.ptp(values) > 100 * TOLERANCE
    assert {f.face.track for frame in whole["comes and goes"] for f in frame.faces} == {0, 1}
    assert all(len(frame.faces) == 2 for frame in whole["two"])


@settings(max_examples=15)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_a_clip_in_pieces_gives_the_numbers_of_the_clip_whole(
    data: st.DataObject,
    name: str,
    handler: Any,
    context: Context,
    whole: dict[str, list[FrameAffect]],
) -> None:
    rows = data.draw(steps(name))
    frames: list[wire.Frame] = []
    for number, row in enumerate(rows):
        first, last = number == 0, number == len(rows) - 1
        (answer,) = ask(handler, context, [(row, headers("s", start=first, end=last))])
        assert answer.session == "s"
        assert (answer.clip is not None) == ("data" in row)
        frames += answer.frames
    assert_same(frames, whole[name])


@settings(max_examples=15)
@given(data=st.data())
def test_sessions_in_one_batch_do_not_touch_one_another(
    data: st.DataObject, handler: Any, context: Context, whole: dict[str, list[FrameAffect]]
) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4))
    upcoming: list[Iterator[dict[str, Any]]] = [iter(data.draw(steps(name))) for name in names]
    begun: set[int] = set()
    got: list[list[wire.Frame]] = [[] for _ in names]
    left = set(range(len(names)))
    while left:
        together = sorted(data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1)))
        batch: list[tuple[int, Step]] = []
        for one in together:
            row = next(upcoming[one], None)
            if row is None:
                left.discard(one)
                continue
            batch.append((one, (row, headers(f"session {one}", start=one not in begun))))
            begun.add(one)
        answers = ask(handler, context, [step for _, step in batch])
        for (one, _), answer in zip(batch, answers, strict=True):
            assert answer.session == f"session {one}"
            got[one] += answer.frames
    for name, frames in zip(names, got, strict=True):
        assert_same(frames, whole[name])


def test_one_batch_of_sessions_is_one_call_of_the_model(
    handler: Any, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half a second's patience with decoders is for the client; here the machine may be slow.
    monkeypatch.setattr("affect_core.pipeline._FILL_TOGETHER_WAIT_S", 60.0)
    runtime = handler._service._model.runtime
    seen: list[int] = []
    projected = runtime.projected

    def counting(crops: Sequence[Any]) -> Any:
        seen.append(len(crops))
        return projected(crops)

    monkeypatch.setattr(runtime, "projected", counting)
    row = pictures(frames_of("one")[:2], [0.0, 0.2])
    ask(handler, context, [(row, headers(f"s{k}", start=True)) for k in range(4)])
    assert seen == [8]


def test_the_primary_face_is_followed_from_request_to_request(
    handler: Any, context: Context, pipeline: AffectPipeline
) -> None:
    events = pipeline.events([ClipJob(cut("two", 0, COUNT))])
    expected = [event.frame for event in events if isinstance(event, FrameDone)]
    frames: list[wire.Frame] = []
    for k, frame in enumerate(frames_of("two")):
        row = pictures([frame], [k / FPS])
        (answer,) = ask(handler, context, [(row, headers("p", start=k == 0))])
        frames += answer.frames
    assert all(len(frame.faces) == 1 for frame in frames)
    assert_same(frames, expected)


def test_jpeg_pictures_are_samples_too(handler: Any, context: Context) -> None:
    row = pictures([jpeg(frame) for frame in frames_of("one")[:3]], [0.0, 0.7, 0.9])
    (answer,) = ask(handler, context, [(row, headers("jpeg", start=True))])
    assert [frame.time_s for frame in answer.frames] == [0.0, 0.7, 0.9]
    assert [len(frame.faces) for frame in answer.frames] == [1, 1, 1]


def test_a_session_may_begin_and_end_without_a_frame(handler: Any, context: Context) -> None:
    (begun,) = ask(handler, context, [({}, headers("e", start=True))])
    assert begun.frames == []
    (kept,) = ask(handler, context, [(pictures([], []), headers("e"))])
    assert kept.frames == []
    row = pictures(frames_of("one")[:1], [0.0])
    assert len(ask(handler, context, [(row, headers("e"))])[0].frames) == 1
    (ended,) = ask(handler, context, [({"body": bytearray()}, headers("e", end=True))])
    assert ended.frames == []


def test_a_model_answers_what_it_is(handler: Any, context: Context) -> None:
    (text,) = call_each(handler, context, [({}, {"describe": "True"})])
    assert wire.ModelDescription.model_validate_json(text).model.name == "affect"
