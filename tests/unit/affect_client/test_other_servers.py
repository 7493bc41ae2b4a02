"""Servers that are another's, or whose words are not the contract's: typed errors."""

from __future__ import annotations

from typing import Any

import pytest

from affect_client import (
    BrokenAnswerError,
    BrokenStreamError,
    ConnectionLostError,
    NotAffectlineError,
    StatusError,
    TooLargeError,
)
from affect_client.errors import UnexpectedAnswerError
from calls import ONCE, Call, fails, whole
from peers import Behaviour, Peer, Peers, every_request, json_lines
from received import Received
from spoken import prediction, problem, stream_lines

HTML = b"<!doctype html><title>Welcome</title><p>It works!"


def as_html(status: int) -> Behaviour:
    return every_request(lambda peer, request: peer.answer(HTML, status, "text/html"))


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("predict", 200),
        ("predict", 204),
        ("predict", 405),
        ("stream", 200),
        ("stream", 404),
        ("health", 200),
        ("health", 500),
    ],
)
def test_html_is_another_server_s(call: Call, status: int, method: str) -> None:
    args = () if method == "health" else (b"clip",)
    error = fails(call, NotAffectlineError, as_html(status), method, *args)
    assert error.status == status
    assert "port" in str(error)
    assert error.body == b"" or HTML.startswith(error.body)


@pytest.mark.parametrize("status", [413, 502, 503, 504])
def test_a_gateway_s_html_is_its_status(call: Call, status: int) -> None:
    with Peers(as_html(status)) as server, pytest.raises(StatusError) as caught:
        call(server, "predict", b"clip", retries=ONCE)
    assert caught.value.status == status
    assert caught.value.code is None
    assert caught.value.body == HTML


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"ok": True}), (200, [1, 2]), (201, {}), (404, {"detail": "no"})]
)
def test_json_of_another_server(call: Call, status: int, body: Any) -> None:
    behave = every_request(lambda peer, request: peer.answer(body, status))
    fails(call, NotAffectlineError, behave)


def test_a_redirect_is_not_followed(call: Call) -> None:
    behave = every_request(
        lambda peer, request: peer.answer(b"", 307, Location="http://127.0.0.1:9/elsewhere")
    )
    error = fails(call, NotAffectlineError, behave, api_key="secret")
    assert "127.0.0.1:9/elsewhere" in str(error)


def test_another_protocol(call: Call) -> None:
    def babble(peer: Peer) -> None:
        peer.read()
        peer.send(b"-ERR unknown command 'POST'\r\n\r\n")
        peer.hang()

    fails(call, NotAffectlineError, babble)


def test_another_protocol_that_hangs_up(call: Call) -> None:
    def greet(peer: Peer) -> None:
        peer.send(b"SSH-2.0-OpenSSH_9.2\r\nInvalid SSH identification string.\r\n")

    error = fails(call, ConnectionLostError, greet)
    assert "port" in str(error)


def test_an_answer_of_another_media_type_for_a_stream(call: Call) -> None:
    fails(call, NotAffectlineError, every_request(whole), "stream", b"clip")


def test_json_that_is_cut_off(call: Call) -> None:
    behave = every_request(lambda peer, request: peer.answer(b'{"model": {"name": "aff'))
    error = fails(call, BrokenAnswerError, behave)
    assert error.body.startswith(b'{"model"')


def test_values_outside_the_contract_are_named(call: Call) -> None:
    outside = prediction()
    outside["frames"][0]["faces"][0]["arousal"] = 1.5
    behave = every_request(lambda peer, request: peer.answer(outside))
    error = fails(call, BrokenAnswerError, behave)
    assert "frames.0.faces.0.arousal" in str(error)


def test_bytes_that_cannot_be_decompressed(call: Call) -> None:
    behave = every_request(lambda peer, request: peer.answer(b"no gzip", Content_Encoding="gzip"))
    fails(call, BrokenAnswerError, behave)


def test_a_problem_with_a_code_that_is_not_known_has_the_class_of_its_status(call: Call) -> None:
    behave = every_request(
        lambda peer, request: peer.answer(
            problem("too_funny", 413, limit=3), 413, X_Request_Id="r-1"
        )
    )
    error = fails(call, TooLargeError, behave)
    assert (error.code, error.request_id, error.problem["limit"]) == ("too_funny", "r-1", 3)
    assert "r-1" in str(error)


@pytest.mark.parametrize("lines", [0, 1, 3])
def test_a_stream_without_its_end(call: Call, lines: int) -> None:
    def cut(peer: Peer, request: Received) -> None:
        peer.begin_stream()
        for line in list(json_lines(stream_lines()))[:lines]:
            peer.chunk(line)
        peer.end_stream()

    error = fails(call, BrokenStreamError, every_request(cut), "stream", b"clip")
    assert f"after {lines} event(s)" in str(error)
    assert isinstance(error, UnexpectedAnswerError)
