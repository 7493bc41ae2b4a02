"""Whatever a live session's messages hold: an answer of the contract, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ts.context import Context

import clips
from affect_client import wire
from hostile_json import options
from live_steps import headers, jpeg, pictures, png, sampled
from torture.corpus.images import gif, jpeg_stating
from torture.corpus.images import png as png_stating
from torture.corpus.written import written
from worker import call_each

FRAMES = sampled(clips.carphone(), 4)
CONTENT = st.one_of(
    st.sampled_from(
        [
            png(FRAMES[0]),
            jpeg(FRAMES[0]),
            png(FRAMES[0])[:500],
            jpeg(FRAMES[0])[:500],
            jpeg_stating(65_000, 65_000),
            jpeg_stating(8192, 4320),
            png_stating(30_000, 30_000, rows=1),
            png_stating(16, 16),
            png_stating(8192, 64, rows=1),
            gif(64, 48, 2),
            written("mp4", "mpeg4"),
            written("mp4", "mpeg4")[:-100],
            b"",
        ]
    ).map(bytearray),
    st.binary(max_size=200).map(bytearray),
    st.sampled_from(["text", {"json": 1}, 3]),
)
NAMES = st.one_of(
    st.sampled_from(["frame0", "frame1", "frame01", "frame-1", "frame00", "data", "body", "frame"]),
    st.text(max_size=8),
)
OPTIONS = options(
    {
        "times_s": st.lists(st.floats(min_value=0), max_size=3).map(sorted),
        "start_s": st.one_of(st.none(), st.floats(min_value=0)),
        "sample_fps": st.floats(min_value=5e-324, max_value=30),
        "faces": st.sampled_from(["primary", "all"]),
    }
).map(bytearray)
ROWS = st.builds(
    lambda parts, text: parts if text is None else {**parts, "options": text},
    st.dictionaries(NAMES, CONTENT, max_size=3),
    st.one_of(OPTIONS, OPTIONS, st.none()),
)
FLAGS = st.sampled_from(["true", "True", "false", "", "1", "true, true", "\0"])
HEADERS = st.fixed_dictionaries(
    {"ts_request_sequence_id": st.one_of(st.just("bad"), st.text(max_size=300))},
    optional={"ts_request_sequence_start": FLAGS, "ts_request_sequence_end": FLAGS},
)


def good(k: int, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    return pictures([FRAMES[k]], [k / 5]), headers(name, start=k == 0)


@pytest.fixture(scope="module")
def undisturbed(handler: Any, context: Context) -> list[wire.Face]:
    texts = [call_each(handler, context, [good(k, "alone")])[0] for k in range(len(FRAMES))]
    return [face_of(text) for text in texts]


def face_of(text: str) -> wire.Face:
    ((frame),) = wire.LiveAnswer.model_validate_json(text).frames
    (face,) = frame.faces
    return face


@settings(max_examples=60)
@given(messages=st.lists(st.tuples(ROWS, HEADERS), min_size=len(FRAMES), max_size=len(FRAMES)))
def test_any_messages_beside_a_session_change_nothing_in_it(
    messages: list[tuple[dict[str, Any], dict[str, str]]],
    handler: Any,
    context: Context,
    undisturbed: list[wire.Face],
) -> None:
    for k, message in enumerate(messages):
        if message[1]["ts_request_sequence_id"] == "good":
            continue
        strange, known = call_each(handler, context, [message, good(k, "good")])
        if context.get_response_status(0)[0] == 200:
            wire.LiveAnswer.model_validate_json(strange)
        else:
            problem = wire.Problem.model_validate_json(strange)
            assert problem.code != "internal_error"
            assert context.get_response_status(0)[0] == wire.PROBLEMS[problem.code][0]
        face = face_of(known)
        assert face.box == undisturbed[k].box
        assert face.arousal == pytest.approx(undisturbed[k].arousal, abs=1e-5)
        assert face.valence == pytest.approx(undisturbed[k].valence, abs=1e-5)
