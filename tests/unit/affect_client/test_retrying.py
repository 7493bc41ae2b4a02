"""Servers that refuse and then answer: what is tried again, and what not."""

from __future__ import annotations

import time

import pytest

from affect_client import (
    RetryEvent,
    UnavailableError,
)
from calls import FAST, Call, whole
from peers import Peer, Peers, every_request, in_turn, json_lines
from received import Received
from spoken import prediction, problem, stream_lines


def test_a_503_with_retry_after_and_then_an_answer(call: Call) -> None:
    events: list[RetryEvent] = []

    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503, Retry_After="0.2")

    with Peers(in_turn(busy, busy, whole)) as server:
        began = time.monotonic()
        result = call(server, "predict", b"clip", retries=FAST, before_retry=events.append)
        assert time.monotonic() - began >= 0.4
        assert len(server.requests) == 3
    assert len(result.frames) == 3
    assert [event.retry for event in events] == [1, 2]
    assert all(event.delay_s == 0.2 for event in events)
    assert all(isinstance(event.error, UnavailableError) for event in events)
    bodies = [request.body for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2]


def test_a_stream_that_was_refused_is_tried_again_before_it_begins(call: Call) -> None:
    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503)

    def lines(peer: Peer, request: Received) -> None:
        peer.begin_stream()
        for line in json_lines(stream_lines()):
            peer.chunk(line)
        peer.end_stream()

    with Peers(in_turn(busy, lines)) as server:
        events = call(server, "stream", b"clip", retries=FAST)
    assert [event.type for event in events] == ["clip", "frame", "frame", "frame", "summary"]


def test_a_wait_beyond_the_deadline_is_not_begun(call: Call) -> None:
    behave = every_request(
        lambda peer, request: peer.answer(problem("overloaded", 503), 503, Retry_After="3600")
    )
    with Peers(behave) as server, pytest.raises(UnavailableError, match="deadline_s") as caught:
        call(server, "predict", b"clip", retries=FAST)
    assert caught.value.retry_after_s == 3600


def test_a_hook_that_raises_ends_the_call(call: Call) -> None:
    def stop(event: RetryEvent) -> None:
        raise InterruptedError(event.operation)

    behave = every_request(lambda peer, request: peer.answer(problem("overloaded", 503), 503))
    with Peers(behave) as server, pytest.raises(InterruptedError, match="predict"):
        call(server, "predict", b"clip", retries=FAST, before_retry=stop)


def test_fields_that_are_not_known_are_passed_over(call: Call) -> None:
    newer = {**prediction(), "novelty": 1}
    newer["frames"][0]["faces"][0]["mood"] = "new"
    with Peers(every_request(lambda peer, request: peer.answer(newer))) as server:
        result = call(server, "predict", b"clip")
    assert result.frames[0].faces[0].arousal == 0.12
