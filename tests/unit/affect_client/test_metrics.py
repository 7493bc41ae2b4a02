from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from affect_client import AffectClient, ClientMetrics, NotAffectlineError, ServerMetrics
from affect_client._answers import Answer, Head
from affect_client.errors import AffectError, UnreachableError
from affect_client.instrumentation import CallEvent, outcome_of
from affect_client.metrics import parse_metrics
from affect_client.refusals import ClipTooLongError, TooLargeError
from affect_client.retries import RetryEvent
from calls import FAST
from peers import Peer, Peers, in_turn
from received import Received
from spoken import prediction, problem

# As TorchServe 0.12.0 writes it, labels' last comma and all.
TEXT = b"""# HELP affect_clips_total Torchserve prometheus metric with unit: Count
# TYPE affect_clips_total counter
affect_clips_total{code="ok",Hostname="h",} 7.0
affect_clips_total{code="undecodable_clip",Hostname="h",} 2.0
# HELP affect_frames_total Torchserve prometheus metric with unit: Count
# TYPE affect_frames_total counter
affect_frames_total{outcome="face",Hostname="h",} 100.0
affect_frames_total{outcome="no_face",Hostname="h",} 40.0
# HELP affect_clip_seconds_total Torchserve prometheus metric with unit: Seconds
# TYPE affect_clip_seconds_total counter
affect_clip_seconds_total{model="affect",Hostname="h",} 28.0
# HELP affect_stage_seconds Torchserve prometheus metric with unit: Seconds
# TYPE affect_stage_seconds histogram
affect_stage_seconds_bucket{stage="decode",Hostname="h",le="0.005",} 1.0
affect_stage_seconds_bucket{stage="decode",Hostname="h",le="+Inf",} 4.0
affect_stage_seconds_count{stage="decode",Hostname="h",} 4.0
affect_stage_seconds_sum{stage="decode",Hostname="h",} 1.0
"""


def told(text: bytes, media_type: str = "text/plain; version=0.0.4") -> ServerMetrics:
    return parse_metrics(Answer(Head("http://h/m", 200, {"content-type": media_type}), text))


def test_the_server_s_metrics() -> None:
    metrics = told(TEXT)
    assert metrics.clips == {"ok": 7, "undecodable_clip": 2}
    assert metrics.frames == {"face": 100, "no_face": 40}
    assert metrics.clip_seconds == 28
    assert metrics.mean_stage_seconds == {"decode": 0.25}
    assert metrics.total("affect_clips_total") == 9
    assert metrics.total("affect_clips_total", code="ok", Hostname="h") == 7
    assert metrics.total("affect_clips_total", code="other") == 0


def test_a_server_that_has_counted_nothing() -> None:
    metrics = told(b"")
    assert (metrics.clips, metrics.clip_seconds, metrics.mean_stage_seconds) == ({}, 0, {})


@pytest.mark.parametrize("text", [b"<p>hello{", b'a{b="c"} d', b"\xff\xfe"])
def test_what_is_no_metrics_text(text: bytes) -> None:
    with pytest.raises(NotAffectlineError):
        told(text)
    with pytest.raises(NotAffectlineError):
        told(b"", "text/html")


def test_without_the_parser_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.parser", None)
    with pytest.raises(ImportError, match=r"affectline\[metrics\]"):
        told(TEXT)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"affectline\[metrics\]"):
        ClientMetrics(CollectorRegistry())


# The client's own.


def test_calls_retries_bytes_and_outcomes_are_counted(tmp_path: Path) -> None:
    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503)

    def whole(peer: Peer, request: Received) -> None:
        peer.answer(prediction())

    def too_long(peer: Peer, request: Received) -> None:
        peer.answer(problem("clip_too_long", 413), 413)

    registry = CollectorRegistry()
    with (
        Peers(in_turn(busy, whole, too_long)) as server,
        AffectClient(base_url=server.url, retries=FAST, observer=ClientMetrics(registry)) as client,
    ):
        client.predict(b"x" * 1000)
        with pytest.raises(ClipTooLongError):
            client.predict(b"x")

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"operation": "predict", **labels})

    assert value("affect_client_requests_total", outcome="ok") == 1
    assert value("affect_client_requests_total", outcome="clip_too_long") == 1
    assert value("affect_client_retries_total", reason="overloaded") == 1
    assert value("affect_client_request_seconds_count") == 2
    sent = sum(len(request.body) for request in server.requests)
    assert value("affect_client_sent_bytes_total") == sent > 2000
    received = value("affect_client_received_bytes_total")
    assert received is not None
    assert received > 500


def test_two_clients_may_share_one_and_names_are_registered_once() -> None:
    registry = CollectorRegistry()
    ClientMetrics(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        ClientMetrics(registry)
    ClientMetrics(CollectorRegistry())


@given(code=st.text(min_size=1, max_size=10))
def test_what_a_server_makes_up_is_no_label(code: str) -> None:
    error = TooLargeError("m")
    error.code = f"{code}!"
    assert outcome_of(error) == "status_413"


def test_names_carry_units() -> None:
    registry = CollectorRegistry()
    metrics = ClientMetrics(registry)
    metrics.ended(CallEvent("predict", "ok", 1.0, 2, 3))
    metrics.retrying(RetryEvent("predict", 1, 0.1, UnreachableError("m")))
    names = {sample.name for family in registry.collect() for sample in family.samples}
    endings = ("_total", "_seconds_bucket", "_seconds_count", "_seconds_sum", "_created")
    assert all(name.startswith("affect_client_") and name.endswith(endings) for name in names)
    assert outcome_of(AffectError("m")) == "AffectError"
