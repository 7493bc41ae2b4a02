"""Both clients against a server that behaves."""

from __future__ import annotations

import io
import json
import ssl
from pathlib import Path

import httpx
import pytest

from affect_client import (
    AffectClient,
    AsyncAffectClient,
    ClientClosedError,
    ClipNotFoundError,
    ConnectionLostError,
    SettingsError,
)
from affect_client.refusals import UnavailableError
from calls import FAST, ONCE, Call
from peers import Peer, Peers, every_request, in_turn
from received import Received
from spoken import prediction, problem


def whole(peer: Peer, request: Received) -> None:
    peer.answer(prediction())


def test_a_clip_is_posted_with_its_name_options_and_length(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"video" * 50_000)
    with Peers(every_request(whole)) as server:
        result = call(server, "predict", path, api_key="k-1")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/predictions/affect")
    assert request.headers["authorization"] == "Bearer k-1"
    assert request.headers["user-agent"].startswith("affectline/")
    assert request.headers["content-length"] == str(len(request.body))
    sent = request.files()
    assert sent["data"] == ("clip.mp4", path.read_bytes())
    assert json.loads(sent["options"][1]) == {
        "sample_fps": 5.0,
        "faces": "primary",
        "start_s": 0.0,
        "end_s": None,
        "stream": False,
    }
    assert result.tracks[0].arousal.mean == 0.12


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_a_pipe_is_sent_in_chunks_and_not_tried_again_once_read(call: Call) -> None:
    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503)

    with Peers(every_request(whole)) as server:
        call(server, "predict", Pipe(b"video"))
    assert server.requests[0].files()["data"] == ("clip", b"video")
    with (
        Peers(in_turn(busy, whole)) as server,
        pytest.raises(UnavailableError, match="cannot be read a second time"),
    ):
        call(server, "predict", Pipe(b"video"), retries=FAST)
    assert len(server.requests) == 1


def test_a_pipe_is_tried_again_as_long_as_nothing_was_read() -> None:
    failures = iter([True, False])

    class Down(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if next(failures):
                raise httpx.ConnectError("down")
            request.read()
            return httpx.Response(200, json=prediction())

    given = httpx.Client(transport=Down())
    with given, AffectClient(retries=FAST, http_client=given) as client:
        assert len(client.predict(Pipe(b"video")).frames) == 3


def test_connections_are_used_again() -> None:
    behave = every_request(lambda peer, request: peer.answer(prediction(), Connection="keep-alive"))
    with Peers(behave) as server:
        with AffectClient(base_url=server.url) as client:
            for _ in range(3):
                client.predict(b"clip")
            assert len(server.connected()) == 1
        server.wait_until_free()
    assert len(server.peers) == 1


def test_progress_is_told_of_every_attempt() -> None:
    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503)

    seen: list[tuple[int, int | None]] = []
    with (
        Peers(in_turn(busy, whole)) as server,
        AffectClient(base_url=server.url, retries=FAST) as client,
    ):
        client.predict(b"x" * 100, on_upload=lambda sent, total: seen.append((sent, total)))
    assert seen == [(0, 100), (100, 100)] * 2


def test_nothing_is_sent_for_a_clip_or_an_option_that_cannot_be(call: Call) -> None:
    with Peers(every_request(whole)) as server:
        with pytest.raises(ClipNotFoundError):
            call(server, "predict", "/no/such/clip.mp4")
        with AffectClient(base_url=server.url) as client:
            with pytest.raises(SettingsError, match="sample_fps"):
                client.predict(b"clip", sample_fps=31)
            with pytest.raises(SettingsError, match="start_s"):
                client.stream(b"clip", start_s=3, end_s=2)
            with pytest.raises(SettingsError, match="faces"):
                client.live(faces="some")  # type: ignore[arg-type]
            with pytest.raises(SettingsError, match="concurrency"):
                client.predict_many([], concurrency=0)
        assert server.peers == []


def test_a_closed_client_says_so() -> None:
    client = AffectClient()
    client.close()
    client.close()
    with pytest.raises(ClientClosedError):
        client.health()


def test_a_given_httpx_client_is_used_and_stays_open() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-mine"] == "1"
        assert request.extensions["timeout"]["connect"] == 5.0
        return httpx.Response(200, json={"status": "Healthy"})

    given = httpx.Client(
        transport=httpx.MockTransport(answer), headers={"x-mine": "1"}, follow_redirects=True
    )
    with given:
        with AffectClient(http_client=given) as client:
            assert client.health().healthy
        assert not given.is_closed
    with pytest.raises(ClientClosedError):
        AffectClient(http_client=given).health()


def test_a_client_of_the_other_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match="http_client"):
        AsyncAffectClient(http_client=httpx.Client())  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="http_client"):
        AffectClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]


def test_a_key_is_not_shown() -> None:
    assert repr(AffectClient(api_key="secret", base_url="http://h:1")) == (
        "AffectClient(base_url='http://h:1')"
    )


@pytest.mark.parametrize("error", [ssl.SSLError("bad"), RuntimeError("defect")])
def test_errors_of_the_network_below_httpx_are_typed_and_defects_are_not(
    error: Exception,
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(error, ssl.SSLError):
            raise httpx.ReadError("bad record") from error
        raise error

    expected = ConnectionLostError if isinstance(error, ssl.SSLError) else RuntimeError
    given = httpx.Client(transport=httpx.MockTransport(answer))
    with (
        given,
        AffectClient(http_client=given, retries=ONCE) as client,
        pytest.raises(expected),
    ):
        client.predict(b"clip")
