from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from affect_client.wire import PredictOptions
from affect_serving.requests import ClipRequest, RequestError, parse_request

LIMIT = 1000
MARK = "Xq7SECRETq7X"


def answered(row: dict[str, Any]) -> ClipRequest | RequestError:
    try:
        return parse_request(row, LIMIT)
    except RequestError as error:
        return error


def refused(row: dict[str, Any]) -> RequestError:
    with pytest.raises(RequestError) as raised:
        parse_request(row, LIMIT)
    return raised.value


@pytest.mark.parametrize("part", ["data", "body"])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_a_clip_comes_as_a_part_or_as_the_body(
    part: str, kind: type[bytes] | type[bytearray]
) -> None:
    request = parse_request({part: kind(b"clip")}, LIMIT)
    assert request.data == b"clip"
    assert request.options == PredictOptions()


@pytest.mark.parametrize("form", ["text", "bytes", "bytearray", "parsed"])
def test_options_mean_the_same_in_every_form_torchserve_gives_them(form: str) -> None:
    wanted = {"sample_fps": 2, "faces": "all", "start_s": 1.5, "end_s": None, "stream": True}
    text = json.dumps(wanted)
    value = {
        "text": text,
        "bytes": text.encode(),
        "bytearray": bytearray(text.encode()),
        "parsed": wanted,
    }[form]
    request = parse_request({"data": b"clip", "options": value}, LIMIT)
    assert request.options == PredictOptions(
        sample_fps=2.0, faces="all", start_s=1.5, end_s=None, stream=True
    )


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"data": None},
        {"data": b""},
        {"body": bytearray()},
        {"options": "{}"},
        {"data": ""},
        {"body": {}},
        {"file": b"clip"},
        {"file": b"clip", "options": "{}"},
        {"_Ä€file=name": b"clip"},
    ],
)
def test_a_request_without_a_clip_says_how_to_send_one(row: dict[str, Any]) -> None:
    error = refused(row)
    assert error.code == "empty_body"
    assert "part 'data'" in str(error)


@pytest.mark.parametrize(
    "clip",
    [
        "text",
        {"a": "parsed"},
        [1, 2],
        5,
        0,
        1.5,
        True,
        False,
    ],
)
@pytest.mark.parametrize("part", ["data", "body"])
def test_a_clip_that_torchserve_took_for_text_or_json_is_refused(part: str, clip: Any) -> None:
    error = refused({part: clip})
    assert error.code == "undecodable_clip"
    assert "application/octet-stream" in str(error)


def test_a_clip_may_have_exactly_the_largest_size() -> None:
    assert len(parse_request({"data": bytes(LIMIT)}, LIMIT).data) == LIMIT
    error = refused({"data": bytes(LIMIT + 1)})
    assert error.code == "body_too_large"
    assert str(LIMIT) in str(error)
    assert str(LIMIT + 1) in str(error)


@pytest.mark.parametrize("extra", ["sample_fps", "fps", "Data", "stream", ""])
def test_a_part_or_query_parameter_that_is_not_known_is_refused(extra: str) -> None:
    error = refused({"data": b"clip", extra: "5"})
    assert error.code == "invalid_options"
    assert "'options'" in str(error)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ('{"sample_fpz": 5}', "sample_fpz"),
        ('{"sample_fps": "5"}', "sample_fps"),
        ('{"sample_fps": true}', "sample_fps"),
        ('{"sample_fps": 0}', "sample_fps"),
        ('{"sample_fps": NaN}', "sample_fps"),
        ('{"stream": 1}', "stream"),
        ('{"faces": "everyone"}', "faces"),
        ('{"start_s": 2, "end_s": 1}', "end_s"),
        ("5", "options"),
        ("[]", "options"),
        ("", "options"),
        ("{", "options"),
        ("sample_fps=5", "options"),
        (b"\xff\xfe", "options"),
        ("\ud800", "options"),
        (5, "options"),
        ([], "options"),
        ({"sample_fps": "5"}, "sample_fps"),
        ({"end_s": float("inf")}, "end_s"),
    ],
)
def test_options_that_are_wrong_are_named_beside_those_that_are_known(
    options: Any, named: str
) -> None:
    error = refused({"data": b"clip", "options": options})
    assert error.code == "invalid_options"
    problem, known = str(error).rsplit(". Options are JSON; ", 1)
    assert named in problem
    for name in PredictOptions.model_fields:
        assert name in known


def test_a_message_stays_short_whatever_is_sent() -> None:
    options = json.dumps({f"option-{k}": k for k in range(1000)})
    assert len(str(refused({"data": b"clip", "options": options}))) < 700


json_values = st.recursive(
    st.none() | st.integers() | st.floats() | st.booleans() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
values = st.one_of(
    st.binary(max_size=20),
    st.binary(max_size=20).map(bytearray),
    st.just(bytes(LIMIT + 1)),
    json_values,
)
names = st.sampled_from(["data", "body", "options", "file", "sample_fps"]) | st.text(max_size=6)


@given(row=st.dictionaries(names, values, max_size=4))
@example(row={"data": b"x", "options": bytearray(b"{}")})
def test_any_row_gives_a_clip_or_a_request_error(row: dict[str, Any]) -> None:
    answer = answered(row)
    if isinstance(answer, RequestError):
        assert answer.code in {
            "empty_body",
            "body_too_large",
            "undecodable_clip",
            "invalid_options",
        }
    else:
        assert answer.data == row.get("data", row.get("body"))
        assert 0 < len(answer.data) <= LIMIT


texts = st.text(max_size=5).map(lambda text: MARK + text)
marked = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3) | st.fixed_dictionaries({"faces": inner})
)


@given(
    row=st.fixed_dictionaries(
        {},
        optional={
            "data": texts.map(str.encode) | marked,
            "body": texts | marked,
            "options": texts
            | texts.map(str.encode)
            | marked
            | st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(PredictOptions.model_fields, marked),
            ),
            MARK: texts,
        },
    )
)
def test_a_message_holds_nothing_of_the_payload(row: dict[str, Any]) -> None:
    error = answered(row)
    if isinstance(error, RequestError):
        assert MARK not in str(error)
        # A traceback would print what an error was raised from, and with it the input.
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
