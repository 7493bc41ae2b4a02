from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client import wire
from affect_serving.live_requests import LiveRequest, parse_live_request
from affect_serving.requests import RequestError

MOST, BYTES = 4, 1000


def parse(row: dict[str, Any], *, may_be_empty: bool = False) -> LiveRequest:
    return parse_live_request(
        row, may_be_empty=may_be_empty, max_samples=MOST, max_body_bytes=BYTES
    )


def options(**given: Any) -> bytearray:
    return bytearray(json.dumps(given).encode())


def refused(row: dict[str, Any], *, may_be_empty: bool = False) -> RequestError:
    with pytest.raises(RequestError) as raised:
        parse(row, may_be_empty=may_be_empty)
    return raised.value


@given(count=st.integers(0, MOST), data=st.data())
def test_pictures_come_in_the_order_of_their_numbers(count: int, data: st.DataObject) -> None:
    row: dict[str, Any] = {f"frame{k}": bytearray([k]) for k in range(count)}
    row["options"] = options(times_s=[k / 5 for k in range(count)], faces="all")
    shuffled = {name: row[name] for name in data.draw(st.permutations(sorted(row)))}
    request = parse(shuffled)
    assert request.pictures == tuple(bytearray([k]) for k in range(count))
    assert request.options.faces == "all"
    assert request.clip is None


def test_a_clip_comes_with_its_start() -> None:
    request = parse({"data": bytearray(b"clip"), "options": options(start_s=2, sample_fps=10)})
    assert (request.clip, request.pictures) == (b"clip", ())
    assert (request.options.start_s, request.options.sample_fps) == (2.0, 10.0)


@pytest.mark.parametrize("row", [{}, {"body": b""}, {"body": bytearray()}])
def test_nothing_is_enough_where_a_session_begins_or_ends(row: dict[str, Any]) -> None:
    assert parse(row, may_be_empty=True) == LiveRequest(wire.LiveOptions(times_s=[]))
    assert refused(row).code == "empty_body"


def test_options_without_a_time_are_enough_to_stay_alive() -> None:
    assert parse({"options": options(times_s=[])}).pictures == ()


@pytest.mark.parametrize("may_be_empty", [False, True])
@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"options": options()}, "invalid_options"),
        ({"options": options(times_s=[0.0])}, "invalid_options"),
        ({"options": options(start_s=0)}, "invalid_options"),
        ({"frame0": b"x"}, "invalid_options"),
        ({"frame0": b"x", "options": options(times_s=[])}, "invalid_options"),
        ({"frame00": b"x", "options": options(times_s=[0])}, "invalid_options"),
        ({"frame-1": b"x", "options": options(times_s=[0])}, "invalid_options"),
        ({"Frame0": b"x", "options": options(times_s=[0])}, "invalid_options"),
        ({"frame1": b"x", "frame2": b"x", "options": options(times_s=[0, 1])}, "invalid_options"),
        ({"data": b"x", "options": options(times_s=[0])}, "invalid_options"),
        ({"data": b"x", "frame0": b"x", "options": options(start_s=0)}, "invalid_options"),
        ({"data": "x", "options": options(start_s=0)}, "undecodable_clip"),
        ({"frame0": {"a": 1}, "options": options(times_s=[0])}, "undecodable_clip"),
        ({"data": bytes(BYTES + 1), "options": options(start_s=0)}, "body_too_large"),
        (
            {"frame0": bytes(600), "frame1": bytes(600), "options": options(times_s=[0, 1])},
            "body_too_large",
        ),
        (
            {f"frame{k}": b"x" for k in range(MOST + 1)}
            | {"options": options(times_s=list(range(MOST + 1)))},
            "clip_too_long",
        ),
        ({"body": b"x"}, "invalid_options"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    row: dict[str, Any], code: wire.ProblemCode, may_be_empty: bool
) -> None:
    assert refused(row, may_be_empty=may_be_empty).code == code


names = st.sampled_from(["data", "options", "body", "frame0", "frame1", "frame2", "other"]) | (
    st.text(max_size=6)
)
values = (
    st.binary(max_size=20)
    | st.text(max_size=5)
    | st.none()
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=1)
    | st.sampled_from([options(times_s=[0]), options(times_s=[]), options(start_s=1)])
)


@given(row=st.dictionaries(names, values, max_size=5), may_be_empty=st.booleans())
def test_any_row_is_a_request_or_a_refusal(row: dict[str, Any], may_be_empty: bool) -> None:
    try:
        request = parse(row, may_be_empty=may_be_empty)
    except RequestError:
        return
    assert len(request.pictures) == len(request.options.times_s or ())
    assert (request.clip is None) == (request.options.start_s is None)
