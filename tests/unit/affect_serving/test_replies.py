from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client import wire
from affect_core.types import (
    Box,
    ClipInfo,
    Detection,
    FaceAffect,
    FrameAffect,
    StageSeconds,
    TrackedFace,
)
from affect_serving.replies import StreamReply, WholeReply, reply_to

MODEL = wire.ModelInfo(
    name="affect",
    version="1.0",
    architecture="vgg19-convlstm",
    weights="sha256:00",
    trained_on="A line\nwith a break, \u2028 and “quotes”.",
)
OPENED = ClipInfo(None, 64, 48, "h264", 0)
DONE = ClipInfo(1.0, 64, 48, "h264", 0, truncated=True)
SECONDS = StageSeconds(0.1, 0.2, 0.3, 0.4, 1.1)
PROBLEM = wire.Problem.of("deadline_exceeded", "Send a shorter clip.")


def frame(index: int, *tracks: int) -> FrameAffect:
    faces = tuple(
        FaceAffect(
            TrackedFace(track, Detection(Box(1, 2, 3, 4), 0.5), Box(0, 0, 5, 5)),
            arousal=0.1 * track,
            valence=-0.01 * index,
        )
        for track in tracks
    )
    return FrameAffect(index, index / 5, faces)


frames = st.lists(st.lists(st.integers(0, 9), max_size=3, unique=True), max_size=6).map(
    lambda clip: [frame(index, *tracks) for index, tracks in enumerate(clip)]
)


@pytest.mark.parametrize(
    ("stream", "kind", "media_type"),
    [(False, WholeReply, "application/json"), (True, StreamReply, "application/x-ndjson")],
)
def test_the_options_choose_the_kind_of_answer(
    *, stream: bool, kind: type[object], media_type: str
) -> None:
    reply = reply_to(MODEL, wire.PredictOptions(stream=stream))
    assert type(reply) is kind
    assert reply.media_type == media_type


@given(clip=frames)
def test_a_whole_answer_is_one_json_object_at_the_end(clip: list[FrameAffect]) -> None:
    reply = WholeReply(MODEL, wire.PredictOptions(sample_fps=5.0))
    assert reply.opened(OPENED) is None
    assert [reply.frame(one) for one in clip] == [None] * len(clip)
    text, prediction = reply.done(DONE, SECONDS)
    assert wire.Prediction.model_validate_json(text) == prediction
    assert prediction.model == MODEL
    assert prediction.sample_fps == 5.0
    assert (prediction.clip.duration_s, prediction.clip.truncated) == (1.0, True)
    assert prediction.timing_s.total == 1.1
    assert [one.index for one in prediction.frames] == list(range(len(clip)))
    assert [[face.track for face in one.faces] for one in prediction.frames] == [
        [face.face.track for face in one.faces] for one in clip
    ]


@given(clip=frames)
def test_a_stream_says_line_by_line_what_the_whole_answer_says(clip: list[FrameAffect]) -> None:
    options = wire.PredictOptions(sample_fps=5.0, stream=True)
    stream, whole = StreamReply(MODEL, options), WholeReply(MODEL, options)
    texts = [stream.opened(OPENED)]
    for one in clip:
        texts.append(stream.frame(one))
        whole.frame(one)
    last, prediction = stream.done(DONE, SECONDS)
    texts.append(last)
    lines = []
    for text in texts:
        assert text is not None
        assert text.endswith("\n")
        assert text.count("\n") == 1
        lines.append(json.loads(text))
    expected = json.loads(whole.done(DONE, SECONDS)[0])
    assert json.loads(prediction.model_dump_json()) == expected
    assert [line.pop("type") for line in lines] == ["clip", *["frame"] * len(clip), "summary"]
    assert lines[0]["clip"] == {**expected["clip"], "duration_s": None, "truncated": False}
    assert (lines[0]["model"], lines[0]["sample_fps"]) == (expected["model"], 5.0)
    assert lines[1:-1] == expected["frames"]
    assert lines[-1] == {key: expected[key] for key in ("clip", "tracks", "timing_s")}


def test_a_frame_line_is_known_at_once() -> None:
    reply = StreamReply(MODEL, wire.PredictOptions(stream=True))
    reply.opened(OPENED)
    text = reply.frame(frame(3, 1))
    assert text is not None
    assert wire.StreamFrame.model_validate_json(text).index == 3


def test_a_whole_answer_that_fails_is_the_problem_itself() -> None:
    reply = WholeReply(MODEL, wire.PredictOptions())
    assert reply.failed(PROBLEM) is None
    reply.opened(OPENED)
    reply.frame(frame(0, 1))
    assert reply.failed(PROBLEM) is None


def test_a_stream_that_fails_before_its_first_line_is_the_problem_itself() -> None:
    assert StreamReply(MODEL, wire.PredictOptions(stream=True)).failed(PROBLEM) is None


def test_a_stream_that_fails_later_ends_with_an_error_line() -> None:
    reply = StreamReply(MODEL, wire.PredictOptions(stream=True))
    reply.opened(OPENED)
    text = reply.failed(PROBLEM)
    assert text is not None
    assert text.endswith("\n")
    error = wire.StreamError.model_validate_json(text)
    assert error.problem == PROBLEM
    assert json.loads(text)["type"] == "error"
