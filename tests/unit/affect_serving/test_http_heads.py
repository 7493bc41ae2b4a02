"""Where a body ends, to the byte, and which heads mean one thing only."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_serving.http_heads import BodyEnd, Head

CHUNKED = Head(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
TOKEN = st.text("abcdefgh", min_size=1, max_size=5).map(str.encode)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """Any data, the bytes of a last chunk among it; extensions, trailers."""
    data = st.one_of(st.binary(min_size=1, max_size=40), st.just(b"0\r\n\r\n"))
    parts = []
    for chunk in draw(st.lists(data, max_size=6)):
        extension = draw(st.sampled_from([b"", b";a=1", b" ; b"]))
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % len(chunk)
        parts += [size, extension, b"\r\n", chunk, b"\r\n"]
    trailers = draw(st.lists(st.tuples(TOKEN, TOKEN), max_size=2))
    lines = [b"%s: %s\r\n" % pair for pair in trailers]
    return b"".join([*parts, b"0\r\n", *lines, b"\r\n"])


def passed(head: Head, sent: bytes, cuts: list[int]) -> tuple[bytes, int | None]:
    """What counts as the body of what is sent in these pieces, and at which it ended."""
    body, got, ended = BodyEnd(head), b"", None
    places = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for start, stop in pairwise(places):
        own, whole = body.take(sent[start:stop])
        got += own
        if whole:
            assert ended is None
            ended = len(got)
    assert (ended is not None) == body.reached
    return got, ended


@given(chunked_bodies(), st.binary(max_size=20), st.lists(st.integers(0, 999), max_size=8))
def test_a_chunked_body_ends_with_its_last_byte(body: bytes, more: bytes, cuts: list[int]) -> None:
    assert passed(CHUNKED, body + more, cuts) == (body, len(body))
    assert passed(CHUNKED, body[:-1], cuts) == (body[:-1], None)


@given(
    st.binary(min_size=1, max_size=40),
    st.binary(max_size=20),
    st.lists(st.integers(0, 99), max_size=8),
)
def test_a_body_of_a_stated_length_ends_there(body: bytes, more: bytes, cuts: list[int]) -> None:
    head = Head(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert passed(head, body + more, cuts) == (body, len(body))
    assert passed(head, body[:-1], cuts) == (body[:-1], None)


@pytest.mark.parametrize(
    "sent", [b"x\r\n", b"-1\r\n", b"5\nabcde", b"\r\n\r\n", b"1" * 17 + b"\r\n", b";" * 9000]
)
def test_broken_chunks_are_never_whole(sent: bytes) -> None:
    more = sent + b"0\r\n\r\n" * 3
    assert passed(CHUNKED, more, []) == (more, None)


def test_without_a_body_there_is_nothing_to_wait_for() -> None:
    assert BodyEnd(Head(b"GET / HTTP/1.1\r\n\r\n")).reached


@pytest.mark.parametrize(
    ("lines", "plain"),
    [
        (b"Host: a\r\nContent-Length: 3", True),
        (b"X-Empty:", True),
        (b"Content-Length: 3\r\ncontent-length: 4", False),
        (b"Host: a\nContent-Length: 3", False),
        (b"Host: a\rContent-Length: 3", False),
        (b"Host: a\r\n Content-Length: 3", False),
        (b"Host: a\r\n\tfolded", False),
        (b"Content-Length : 3", False),
        (b"no colon", False),
        (b": nameless", False),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_not_plain(lines: bytes, *, plain: bool) -> None:
    assert Head(b"POST / HTTP/1.1\r\n" + lines + b"\r\n\r\n").is_plain is plain
