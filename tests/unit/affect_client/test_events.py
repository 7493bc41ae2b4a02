from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client import events as events_module
from affect_client._answers import Head
from affect_client.errors import AffectError, BrokenStreamError, StatusError
from affect_client.events import EventParser, StreamEvent, result_of
from affect_client.refusals import DeadlineExceededError, TooLargeError
from affect_client.results import AffectResult
from affect_client.wire import StreamClip, StreamFrame, StreamSummary
from peers import json_lines
from spoken import prediction, problem, stream_lines

HEAD = Head("http://h/predictions/affect", 200, {"x-request-id": "r-1"})
WHOLE = b"".join(json_lines(stream_lines()))


def read(data: bytes, cuts: list[int] | None = None) -> list[StreamEvent]:
    """All events of `data`, fed in pieces that end at `cuts`."""
    parser = EventParser(HEAD)
    ends = sorted({min(cut, len(data)) for cut in cuts or []} | {0, len(data)})
    found: list[StreamEvent] = []
    for begin, end in itertools.pairwise(ends):
        found += parser.feed(data[begin:end])
    return [*found, *parser.finish()]


def test_lines_are_events_in_order() -> None:
    kinds = [type(event) for event in read(WHOLE)]
    assert kinds == [StreamClip, StreamFrame, StreamFrame, StreamFrame, StreamSummary]


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    assert read(WHOLE, cuts) == read(WHOLE)


def test_byte_by_byte() -> None:
    assert read(WHOLE, list(range(len(WHOLE)))) == read(WHOLE)


@given(at=st.integers(0, len(WHOLE) - 2))
def test_a_stream_that_is_cut_off_is_broken_wherever_it_is_cut(at: int) -> None:
    parser = EventParser(HEAD)
    seen = list(parser.feed(WHOLE[:at]))
    assert seen == read(WHOLE)[: len(seen)]
    with pytest.raises(BrokenStreamError) as caught:
        list(parser.finish())
    assert caught.value.request_id == "r-1"


def test_the_last_line_needs_no_end_and_empty_lines_no_meaning() -> None:
    assert read(WHOLE.rstrip()) == read(WHOLE)
    assert read(WHOLE.replace(b"\n", b"\r\n\n \n")) == read(WHOLE)


def test_lines_and_fields_of_a_newer_server_are_passed_over() -> None:
    lines: list[dict[str, Any]] = [{**line, "novelty": 1} for line in stream_lines()]
    lines.insert(2, {"type": "mood", "value": 3})
    assert read(b"".join(json_lines(lines))) == read(WHOLE)


def test_events_before_an_error_line_are_given_first() -> None:
    lines = [*stream_lines()[:3], {"type": "error", "problem": problem("deadline_exceeded", 504)}]
    parser = EventParser(HEAD)
    found: list[StreamEvent] = []
    with pytest.raises(DeadlineExceededError) as caught:
        found.extend(parser.feed(b"".join(json_lines(lines))))
    assert found == read(WHOLE)[:3]
    assert (caught.value.status, caught.value.request_id) == (504, "r-1")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (problem("too_funny", 413), TooLargeError),
        (problem("too_funny", 418), StatusError),
        ({"title": "no code"}, BrokenStreamError),
        (None, BrokenStreamError),
    ],
)
def test_error_lines_that_are_not_known(told: object, kind: type[AffectError]) -> None:
    line = json.dumps({"type": "error", "problem": told}).encode() + b"\n"
    with pytest.raises(kind) as caught:
        list(EventParser(HEAD).feed(line))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "line", [b"<html>", b"[]", b"3", b"{}", b'{"type": 3}', b'{"type": "frame"}', b"[" * 10**6]
)
def test_lines_that_are_none_of_ours(line: bytes) -> None:
    first = next(json_lines(stream_lines()))
    with pytest.raises(BrokenStreamError, match=r"after 1 event\(s\)"):
        list(EventParser(HEAD).feed(first + line + b"\n"))


def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "MAX_LINE_BYTES", 1000)
    parser = EventParser(HEAD)
    assert list(parser.feed(b"x" * 1000)) == []
    with pytest.raises(BrokenStreamError, match="more than 1000 bytes"):
        list(parser.feed(b"x"))


def test_all_events_together_are_the_whole_answer() -> None:
    assert result_of(read(WHOLE)) == AffectResult.model_validate(prediction())


@pytest.mark.parametrize("part", [slice(0), slice(1), slice(4), slice(1, None)])
def test_parts_of_a_stream_are_not(part: slice) -> None:
    with pytest.raises(ValueError, match="begin with its clip"):
        result_of(read(WHOLE)[part])
