from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from affect_client import wire
from affect_client.wire import PredictOptions, Problem

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
)
any_json = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
# Near misses: the right keys with values that are right, nearly right, or anything.
numbers = st.floats(-1, 40) | st.integers(-1, 40)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "sample_fps": numbers | scalars,
        "faces": st.sampled_from(["primary", "all", "ALL", "", "first"]) | scalars,
        "start_s": numbers | scalars,
        "end_s": numbers | scalars,
        "stream": st.booleans() | scalars,
        "fps": st.just(5),
    },
)


def is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_valid(options: object) -> bool:
    """The contract's words on options, read again."""
    known = {"sample_fps": 5.0, "faces": "primary", "start_s": 0.0, "end_s": None, "stream": False}
    if not isinstance(options, dict) or not set(options) <= set(known):
        return False
    o: dict[str, Any] = {**known, **options}
    return (
        is_number(o["sample_fps"])
        and 0 < o["sample_fps"] <= 30
        and o["faces"] in ("primary", "all")
        and is_number(o["start_s"])
        and o["start_s"] >= 0
        and (o["end_s"] is None or (is_number(o["end_s"]) and o["end_s"] > o["start_s"]))
        and isinstance(o["stream"], bool)
    )


@given(value=any_json | near_misses)
@example(value={"sample_fps": "5"})
@example(value={"sample_fps": True})
@example(value={"stream": 1})
@example(value={"stream": "true"})
@example(value={"start_s": "0"})
@example(value={"start_s": None})
@example(value={"end_s": 0})
@example(value={"start_s": 3, "end_s": 3})
@example(value={"sample_fps": 5})
@example(value={"faces": None})
@example(value={"unknown": None})
@example(value=[])
@example(value={"sample_fps": math.nan})
@example(value={"end_s": math.inf})
def test_options_are_accepted_exactly_where_the_contract_does(value: Any) -> None:
    text = json.dumps(value)
    if is_valid(value):
        options = PredictOptions.model_validate_json(text)
        for name, given_value in value.items():
            assert getattr(options, name) == given_value
    else:
        with pytest.raises(ValidationError):
            PredictOptions.model_validate_json(text)


@given(data=st.binary(max_size=60) | st.text(max_size=60))
@example(data="")
@example(data="{}}")
@example(data=b"\xff")
@example(data="[" * 100_000)
@example(data='{"sample_fps": 1' + "0" * 5000 + "}")
def test_bytes_that_are_no_json_give_a_validation_error_and_nothing_else(
    data: str | bytes,
) -> None:
    try:
        PredictOptions.model_validate_json(data)
    except ValidationError:
        return
    assert is_valid(json.loads(data))


def test_the_defaults_are_the_contract_s() -> None:
    options = PredictOptions.model_validate_json("{}")
    assert options.model_dump() == {
        "sample_fps": 5.0,
        "faces": "primary",
        "start_s": 0.0,
        "end_s": None,
        "stream": False,
    }


@given(value=near_misses.filter(is_valid))
def test_options_come_back_from_json_as_they_were(value: dict[str, Any]) -> None:
    options = PredictOptions.model_validate_json(json.dumps(value))
    assert PredictOptions.model_validate_json(options.model_dump_json()) == options


def test_an_empty_window_names_both_of_its_ends() -> None:
    with pytest.raises(ValidationError, match=r"end_s \(1\).*start_s \(2\.5\)"):
        PredictOptions(start_s=2.5, end_s=1.0)


# Answers.

EXAMPLE: dict[str, Any] = {
    "model": {
        "name": "affect",
        "version": "1.0",
        "architecture": "vgg19-convlstm",
        "weights": "sha256:00",
        "trained_on": "nothing",
    },
    "clip": {
        "duration_s": 4.0,
        "width": 176,
        "height": 144,
        "codec": "h264",
        "rotation": 0,
        "truncated": False,
    },
    "sample_fps": 5.0,
    "frames": [
        {
            "index": 0,
            "time_s": 0.0,
            "faces": [
                {
                    "track": 0,
                    "box": {"x": 61, "y": 30, "width": 48, "height": 62},
                    "score": 0.98,
                    "arousal": 0.12,
                    "valence": -0.3,
                    "confidence": None,
                }
            ],
        },
        {"index": 1, "time_s": 0.2, "faces": []},
    ],
    "tracks": [
        {
            "track": 0,
            "start_s": 0.0,
            "end_s": 0.0,
            "frames": 1,
            "arousal": {"mean": 0.12, "std": 0.0, "min": 0.12, "max": 0.12},
            "valence": {"mean": -0.3, "std": 0.0, "min": -0.3, "max": -0.3},
        }
    ],
    "timing_s": {"decode": 0.05, "detect": 0.08, "backbone": 1.1, "temporal": 0.1, "total": 1.4},
}


def test_the_contract_s_example_is_read_and_written_unchanged() -> None:
    prediction = wire.Prediction.model_validate_json(json.dumps(EXAMPLE))
    assert json.loads(prediction.model_dump_json()) == EXAMPLE


def with_novelties(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{key: with_novelties(inner) for key, inner in value.items()}, "novelty": [1]}
    if isinstance(value, list):
        return [with_novelties(inner) for inner in value]
    return value


def test_an_older_client_reads_a_newer_server_s_answer() -> None:
    newer = wire.Prediction.model_validate_json(json.dumps(with_novelties(EXAMPLE)))
    assert newer == wire.Prediction.model_validate(EXAMPLE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("frames", 0, "faces", 0, "arousal"), 1.01),
        (("frames", 0, "faces", 0, "valence"), -1.01),
        (("frames", 0, "faces", 0, "score"), 1.1),
        (("frames", 0, "faces", 0, "confidence"), -0.1),
        (("frames", 0, "faces", 0, "box", "x"), -1),
        (("frames", 0, "faces", 0, "box", "width"), 0),
        (("frames", 0, "time_s"), -0.2),
        (("clip", "rotation"), 45),
        (("clip", "width"), 0),
        (("tracks", 0, "frames"), 0),
        (("tracks", 0, "arousal", "std"), -0.1),
        (("timing_s", "total"), -1),
    ],
)
def test_an_answer_outside_its_bounds_is_refused(path: tuple[str | int, ...], value: float) -> None:
    changed = json.loads(json.dumps(EXAMPLE))
    *parents, last = path
    inner = changed
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    with pytest.raises(ValidationError, match=str(last)):
        wire.Prediction.model_validate(changed)


# Problems. Codes and statuses as the contract lists them; internal_error is ours.

STATUSES = {
    "empty_body": 400,
    "invalid_options": 422,
    "undecodable_clip": 422,
    "no_video_stream": 422,
    "clip_too_long": 413,
    "frame_too_large": 413,
    "body_too_large": 413,
    "unknown_session": 409,
    "overloaded": 503,
    "deadline_exceeded": 504,
    "internal_error": 500,
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "misdirected_request": 421,
    "too_many_requests": 429,
    "bad_gateway": 502,
    "gateway_timeout": 504,
}


def test_every_code_has_its_status_and_a_title_of_its_own() -> None:
    assert {code: status for code, (status, _) in wire.PROBLEMS.items()} == STATUSES
    assert set(get_args(wire.ProblemCode)) == set(STATUSES)
    assert len({title for _, title in wire.PROBLEMS.values()}) == len(STATUSES)


@pytest.mark.parametrize("code", get_args(wire.ProblemCode))
def test_a_problem_is_rfc_9457_s_and_keeps_its_extensions(code: wire.ProblemCode) -> None:
    problem = Problem.of(code, "What to do.", limit_s=1200)
    assert json.loads(problem.model_dump_json()) == {
        "type": f"urn:problem-type:affectline:{code.replace('_', '-')}",
        "title": wire.PROBLEMS[code][1],
        "status": STATUSES[code],
        "code": code,
        "detail": "What to do.",
        "limit_s": 1200,
    }
    assert Problem.model_validate_json(problem.model_dump_json()) == problem


def test_stream_lines_say_their_type() -> None:
    clip = wire.StreamClip.model_validate(EXAMPLE)
    frame = wire.StreamFrame.model_validate(EXAMPLE["frames"][0])
    summary = wire.StreamSummary.model_validate(EXAMPLE)
    error = wire.StreamError(problem=Problem.of("overloaded", "Wait."))
    lines: list[tuple[BaseModel, str]] = [
        (clip, "clip"),
        (frame, "frame"),
        (summary, "summary"),
        (error, "error"),
    ]
    for line, kind in lines:
        assert json.loads(line.model_dump_json())["type"] == kind
        assert type(line).model_validate_json(line.model_dump_json()) == line


def test_nothing_of_the_contract_can_be_changed_once_built() -> None:
    for value in (PredictOptions(), wire.Prediction.model_validate(EXAMPLE)):
        with pytest.raises(ValidationError, match="frozen"):
            value.sample_fps = 9.0
