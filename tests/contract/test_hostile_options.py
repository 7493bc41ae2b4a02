"""Whatever `options` hold, the answer is the contract's, and nobody beside notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ts.context import Context

from affect_client import wire
from hostile_json import options
from torture.corpus.written import written
from worker import Response, build_context, initialised, post_together

CLIP = written("mp4", "mpeg4", (176, 144))
ANY_OPTIONS = options(
    {
        "sample_fps": st.floats(min_value=5e-324, max_value=30),
        "faces": st.sampled_from(["primary", "all"]),
        "start_s": st.floats(min_value=0),
        "end_s": st.one_of(st.none(), st.floats(min_value=0)),
        "stream": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def context(unpacked: Path, small_store: Path) -> Context:
    return build_context(unpacked, small_store)


@pytest.fixture(scope="module")
def handler(context: Context) -> Any:
    return initialised(context)


def frames_of(response: Response) -> list[wire.Frame]:
    assert response.status == 200, response.text
    return wire.Prediction.model_validate_json(response.text).frames


@pytest.fixture(scope="module")
def expected(handler: Any, context: Context) -> list[wire.Frame]:
    (response,) = post_together(handler, context, [{"data": bytearray(CLIP)}])
    frames = frames_of(response)
    assert any(frame.faces for frame in frames)
    return frames


@settings(max_examples=150)
@example(text=b'{"sample_fps": 5e-324}')
@example(text=b'{"sample_fps": 5e-324, "start_s": 1.7e308}')
@example(text=b'{"sample_fps": 30, "start_s": 1.7e308}')
@example(text=b'{"start_s": 0, "end_s": 5e-324}')
@given(text=ANY_OPTIONS)
def test_any_options_get_an_answer_of_the_contract(
    text: bytes, handler: Any, context: Context, expected: list[wire.Frame]
) -> None:
    row = {"data": bytearray(CLIP), "options": bytearray(text)}
    answer, beside = post_together(handler, context, [row, {"data": bytearray(CLIP)}])
    if answer.status != 200:
        problem = wire.Problem.model_validate_json(answer.text)
        assert (problem.code, answer.status) == ("invalid_options", 422)
        assert answer.media_type == wire.PROBLEM_MEDIA_TYPE
        assert len(problem.detail) < 1000
    elif answer.media_type == "application/json":
        wire.Prediction.model_validate_json(answer.text)
    else:
        *_, last = answer.text.splitlines()
        assert '"type":"summary"' in last or '"code":"invalid_options"' in last
    for got, wanted in zip(frames_of(beside), expected, strict=True):
        assert [face.box for face in got.faces] == [face.box for face in wanted.faces]
        for face, same in zip(got.faces, wanted.faces, strict=True):
            assert face.arousal == pytest.approx(same.arousal, abs=1e-5)
