from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client import AffectClient, AsyncAffectClient, ClipOutcome
from affect_client._many import AsCompleted, InOrder
from affect_client.refusals import UndecodableClipError
from calls import ONCE
from peers import Behaviour, Peer, Peers, every_request
from spoken import prediction, problem


class Counting:
    """A server that counts requests in hand; clips say how long theirs takes, `bad` ones fail."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.lock = threading.Lock()

    def behave(self) -> Behaviour:
        def answer(peer: Peer, request: Any) -> None:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            text = request.body.partition(b"clip-")[2].partition(b"-")[0]
            time.sleep(float(text or 0))
            with self.lock:
                self.now -= 1
            if b"-bad" in request.body:
                peer.answer(problem("undecodable_clip", 422), 422)
            else:
                peer.answer(prediction())

        return every_request(answer)


def clip(seconds: float, name: str = "good") -> bytes:
    return f"clip-{seconds}-{name}".encode()


def all_of(
    kind: str, server: Peers, method: str, clips: Any, concurrency: int
) -> list[ClipOutcome]:
    async def run() -> list[ClipOutcome]:
        async with AsyncAffectClient(base_url=server.url, retries=ONCE) as client:
            outcomes = getattr(client, method)(clips, concurrency=concurrency)
            return [each async for each in outcomes]

    if kind == "async":
        return asyncio.run(run())
    with AffectClient(base_url=server.url, retries=ONCE) as client:
        return list(getattr(client, method)(clips, concurrency=concurrency))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("method", ["predict_many", "predict_as_completed"])
def test_a_bad_clip_does_not_touch_the_others(kind: str, method: str) -> None:
    counting = Counting()
    clips = [clip(0), clip(0, "bad"), "/no/such.mp4", clip(0), b"", clip(0)]
    with Peers(counting.behave()) as server:
        outcomes = all_of(kind, server, method, iter(clips), 3)
    by_index = {outcome.index: outcome for outcome in outcomes}
    assert sorted(by_index) == list(range(6))
    assert all(by_index[k].clip is clips[k] for k in by_index)
    assert [type(by_index[k].error).__name__ for k in range(6)] == [
        "NoneType",
        "UndecodableClipError",
        "ClipNotFoundError",
        "NoneType",
        "EmptyClipError",
        "NoneType",
    ]
    assert len(by_index[3].unwrap().frames) == 3
    with pytest.raises(UndecodableClipError):
        by_index[1].unwrap()
    assert "clip-" not in repr(by_index[0])


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_more_clips_are_sent_at_a_time_than_allowed(kind: str) -> None:
    counting = Counting()
    with Peers(counting.behave()) as server:
        all_of(kind, server, "predict_many", [clip(0.1)] * 9, 3)
    assert 2 <= counting.most <= 3


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_order_of_the_clips_and_of_completion(kind: str) -> None:
    clips = [clip(1.5), clip(0), clip(0)]
    with Peers(Counting().behave()) as server:
        ordered = all_of(kind, server, "predict_many", clips, 3)
        completed = all_of(kind, server, "predict_as_completed", clips, 3)
    assert [outcome.index for outcome in ordered] == [0, 1, 2]
    assert completed[-1].index == 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_clips_are_taken_only_as_there_is_room(kind: str) -> None:
    taken: list[int] = []

    def clips() -> Iterator[bytes]:
        for k in range(50):
            taken.append(k)
            yield clip(1.0 if k == 0 else 0)

    async def first(server: Peers) -> None:
        async with (
            AsyncAffectClient(base_url=server.url) as client,
            aclosing(client.predict_many(clips(), concurrency=2)) as outcomes,
        ):
            assert (await anext(outcomes)).index == 0

    with Peers(Counting().behave()) as server:
        if kind == "async":
            asyncio.run(first(server))
        else:
            with AffectClient(base_url=server.url) as client:
                outcomes = client.predict_many(clips(), concurrency=2)
                assert next(outcomes).index == 0
                outcomes.close()
    # Twice the concurrency, though the first was slow and the others were not.
    assert len(taken) <= 5


def test_stopping_early_begins_no_more_and_does_not_wait() -> None:
    with Peers(Counting().behave()) as server, AffectClient(base_url=server.url) as client:
        began = time.monotonic()
        clips = [clip(0), *[clip(3)] * 10]
        outcomes = client.predict_as_completed(clips, concurrency=2)
        next(outcomes)
        outcomes.close()
        assert time.monotonic() - began < 2.5
    assert len(server.requests) <= 3


def test_stopping_early_cancels_what_has_begun() -> None:
    async def run(server: Peers) -> None:
        async with AsyncAffectClient(base_url=server.url) as client:
            clips = [clip(0), *[clip(20)] * 10]
            async with aclosing(client.predict_as_completed(clips, concurrency=2)) as outcomes:
                await anext(outcomes)
            assert len(asyncio.all_tasks()) == 1

    began = time.monotonic()
    with Peers(slow_but_attentive()) as server:
        asyncio.run(run(server))
    assert time.monotonic() - began < 10


def slow_but_attentive() -> Behaviour:
    def answer(peer: Peer, request: Any) -> None:
        if b"clip-20" in request.body:
            peer.hang()
        peer.answer(prediction())

    return every_request(answer)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_defect_of_the_caller_is_raised(kind: str) -> None:
    with Peers(Counting().behave()) as server, pytest.raises(TypeError, match="a clip is"):
        all_of(kind, server, "predict_many", [clip(0), 3], 2)


@given(
    concurrency=st.integers(1, 5),
    clips=st.integers(0, 20),
    data=st.data(),
    kind=st.sampled_from([InOrder, AsCompleted]),
)
def test_whatever_finishes_when_each_outcome_is_handed_over_once(
    concurrency: int, clips: int, data: st.DataObject, kind: type[AsCompleted]
) -> None:
    order = kind(concurrency)
    running: list[int] = []
    given_out: list[int] = []
    begun = 0
    while begun < clips or order.is_waiting:
        while begun < clips and order.has_room:
            order.begin()
            running.append(begun)
            begun += 1
        assert len(running) <= concurrency
        assert begun - len(given_out) <= 2 * concurrency
        assert running
        done = running.pop(data.draw(st.integers(0, len(running) - 1)))
        outcome = ClipOutcome(done, b"", None, None)
        given_out += [each.index for each in order.finish(outcome)]
    assert sorted(given_out) == list(range(clips))
    if kind is InOrder:
        assert given_out == sorted(given_out)
