"""Live sessions against a server that keeps to the contract, and one that does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from affect_client import (
    AffectClient,
    AsyncAffectClient,
    BrokenAnswerError,
    ConnectionLostError,
    PictureError,
    SessionClosedError,
    SettingsError,
)
from affect_client.refusals import (
    RateLimitedError,
    UnavailableError,
    UndecodableClipError,
    UnknownSessionError,
)
from affect_client.wire import LiveOptions
from calls import FAST
from peers import Peer, Peers, every_request, in_turn
from received import Received
from spoken import face, frame, live_answer, problem

JPEG = b"\xff\xd8\xff\xe0 a picture"


def read(request: Received) -> tuple[LiveOptions, dict[str, bytes]]:
    parts = request.parts()
    return LiveOptions.model_validate_json(parts.pop("options")), parts


def sequence(request: Received) -> dict[str, str]:
    mark = "ts_request_sequence_"
    return {k.removeprefix(mark): v for k, v in request.headers.items() if k.startswith(mark)}


def well(peer: Peer, request: Received) -> None:
    """One frame for each picture, two for a clip."""
    options, _ = read(request)
    session = sequence(request)["id"]
    times = options.times_s
    if times is None:
        assert options.start_s is not None
        times = [options.start_s, options.start_s + 1 / (options.sample_fps or 5)]
    shown = [{**frame(k, face()), "time_s": time_s} for k, time_s in enumerate(times)]
    peer.answer(live_answer(session, *shown))


def drive(
    kind: str, server: Peers, steps: list[tuple[str, Any, dict[str, Any]]], **more: Any
) -> Any:
    """The results of a session's steps, each (method, argument, named arguments)."""

    async def run() -> list[Any]:
        async with (
            AsyncAffectClient(base_url=server.url, retries=FAST) as client,
            client.live(**more) as session,
        ):
            return [await getattr(session, name)(what, **kw) for name, what, kw in steps]

    if kind == "async":
        return asyncio.run(run())
    with AffectClient(base_url=server.url, retries=FAST) as client, client.live(**more) as session:
        return [getattr(session, name)(what, **named) for name, what, named in steps]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_session_has_a_name_a_beginning_and_an_end(kind: str) -> None:
    with Peers(every_request(well)) as server:
        frames = drive(kind, server, [("send", JPEG, {})] * 3, fps=10, faces="all")
    assert [f.time_s for f in frames] == pytest.approx([0, 0.1, 0.2])
    assert frames[0].faces[0].arousal == 0.12
    first, *between, last = map(sequence, server.requests)
    assert first == {"id": first["id"], "start": "true"}
    assert between == [{"id": first["id"]}] * 2
    assert last == {"id": first["id"], "end": "true"}
    assert [read(r)[1] for r in server.requests] == [{"frame0": JPEG}] * 3 + [{}]
    assert [read(r)[0].faces for r in server.requests[:3]] == ["all"] * 3
    assert read(server.requests[-1])[0] == LiveOptions(times_s=[])


def test_two_sessions_have_two_names() -> None:
    client = AffectClient()
    assert client.live().name != client.live().name


def test_times_go_on_from_those_that_are_given(kind: str) -> None:
    steps: list[tuple[str, Any, dict[str, Any]]] = [
        ("send", JPEG, {}),
        ("send", JPEG, {"time_s": 3.3}),
        ("send", JPEG, {}),
        ("send_frames", [JPEG, JPEG], {}),
        ("send_frames", [JPEG, JPEG], {"times_s": [7, 8.5]}),
        ("send", JPEG, {}),
        ("send_clip", b"a short clip", {}),
        ("send_clip", b"a short clip", {"start_s": 20}),
        ("send", JPEG, {}),
    ]
    with Peers(every_request(well)) as server:
        drive(kind, server, steps, fps=2)
    told = [read(request)[0] for request in server.requests[:-1]]
    assert [o.times_s for o in told] == [
        [0], [3.3], [3.8], [4.3, 4.8], [7, 8.5], [9], None, None, [21]
    ]  # fmt: skip
    assert [o.start_s for o in told[6:8]] == [9.5, 20]
    assert [o.sample_fps for o in told[5:8]] == [None, 2, 2]
    assert read(server.requests[6])[1] == {"data": b"a short clip"}


def test_arrays_are_sent_as_png(kind: str) -> None:
    with Peers(every_request(well)) as server:
        drive(kind, server, [("send", np.zeros((8, 8, 3), np.uint8), {})])
    assert read(server.requests[0])[1]["frame0"].startswith(b"\x89PNG")


def test_a_session_of_nothing_asks_nothing(kind: str) -> None:
    with Peers(every_request(well)) as server:
        drive(kind, server, [])
    assert server.peers == []


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (("send", b"GIF89a", {}), PictureError),
        (("send_frames", [], {}), SettingsError),
        (("send_frames", [JPEG, JPEG], {"times_s": [1]}), SettingsError),
        (("send_frames", [JPEG, JPEG], {"times_s": [2, 1]}), SettingsError),
        (("send", JPEG, {"time_s": -1}), SettingsError),
    ],
)
def test_what_cannot_be_sent_is_not(
    kind: str, step: tuple[str, Any, dict[str, Any]], error: type[Exception]
) -> None:
    with Peers(every_request(well)) as server, pytest.raises(error):
        drive(kind, server, [step])
    assert server.peers == []


def busy(peer: Peer, request: Received) -> None:
    # No slot is free: TorchServe's own words.
    told = {"code": 503, "type": "ServiceUnavailableException", "message": "No sequence slot."}
    peer.answer(told, 503)


def test_a_beginning_without_a_free_slot_is_tried_again(kind: str) -> None:
    with Peers(in_turn(busy, busy, well)) as server:
        drive(kind, server, [("send", JPEG, {})])
    begun = [sequence(request) for request in server.requests]
    assert [each.get("start") for each in begun] == ["true"] * 3 + [None]


def test_later_a_503_may_hide_an_answer_and_is_raised(kind: str) -> None:
    with Peers(in_turn(well, busy, well)) as server, pytest.raises(UnavailableError):
        drive(kind, server, [("send", JPEG, {})] * 2)
    # The first, the second, and the end.
    assert len(server.requests) == 3


def test_later_a_rate_limit_is_tried_again(kind: str) -> None:
    def limited(peer: Peer, request: Received) -> None:
        peer.answer(b"slow down", 429, "text/plain")

    with Peers(in_turn(well, limited, well)) as server:
        assert len(drive(kind, server, [("send", JPEG, {})] * 2)) == 2
    with Peers(every_request(limited)) as server, pytest.raises(RateLimitedError):
        drive(kind, server, [("send", JPEG, {})])


def test_an_answer_that_is_lost_is_not_asked_for_again(kind: str) -> None:
    def lose(peer: Peer, request: Received) -> None:
        peer.reset()

    with Peers(in_turn(well, lose, well)) as server, pytest.raises(ConnectionLostError):
        drive(kind, server, [("send", JPEG, {})] * 2)
    assert [sequence(r).get("end") for r in server.requests] == [None, None, "true"]


def forgotten(peer: Peer, request: Received) -> None:
    peer.answer(problem("unknown_session", 409), 409)


def test_a_session_that_has_expired_says_so_and_is_over() -> None:
    with Peers(in_turn(well, forgotten)) as server:
        with AffectClient(base_url=server.url) as client, client.live() as session:
            session.send(JPEG)
            with pytest.raises(UnknownSessionError):
                session.send(JPEG)
            with pytest.raises(SessionClosedError):
                session.send(JPEG)
        # No end is sent to a server that has forgotten.
        assert len(server.requests) == 2


def test_ending_a_session_that_the_server_has_forgotten_is_no_error(kind: str) -> None:
    with Peers(in_turn(well, forgotten)) as server:
        drive(kind, server, [("send", JPEG, {})])
    assert len(server.requests) == 2


def test_an_end_that_fails_is_raised_unless_something_did_before(kind: str) -> None:
    with Peers(in_turn(well, busy)) as server, pytest.raises(UnavailableError):
        drive(kind, server, [("send", JPEG, {})])
    with Peers(in_turn(well, busy)) as server, pytest.raises(PictureError):
        drive(kind, server, [("send", JPEG, {}), ("send", b"", {})])


def test_a_first_picture_that_is_refused_leaves_no_session() -> None:
    def refuse(peer: Peer, request: Received) -> None:
        peer.answer(problem("undecodable_clip", 422), 422)

    with (
        Peers(in_turn(refuse, well)) as server,
        AffectClient(base_url=server.url) as client,
        client.live() as session,
    ):
        with pytest.raises(UndecodableClipError):
            session.send(JPEG)
        session.send(JPEG)
    assert [sequence(r).get("start") for r in server.requests] == ["true", "true", None]


def test_one_picture_has_one_answer(kind: str) -> None:
    def none(peer: Peer, request: Received) -> None:
        peer.answer(live_answer("s"))

    with Peers(every_request(none)) as server, pytest.raises(BrokenAnswerError, match="0 frames"):
        drive(kind, server, [("send", JPEG, {})])


def test_closed_is_closed() -> None:
    with Peers(every_request(well)) as server, AffectClient(base_url=server.url) as client:
        session = client.live()
        session.send(JPEG)
        session.close()
        session.close()
        with pytest.raises(SessionClosedError):
            session.send_clip(b"clip")
    assert len(server.requests) == 2
    assert json.dumps(sequence(server.requests[-1])).count("true") == 1
