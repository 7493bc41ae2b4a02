"""Health, models, and refusals in TorchServe's own words."""

from __future__ import annotations

import httpx
import pytest

from affect_client import (
    AffectClient,
    AffectError,
    SettingsError,
    StatusError,
)
from affect_client.refusals import BY_STATUS, UnavailableError
from calls import FAST, ONCE, Call
from peers import Peer, Peers, every_request
from received import Received
from spoken import MODEL, problem


@pytest.mark.parametrize(
    ("status", "told", "healthy"),
    [(200, "Healthy", True), (200, "Partial Healthy", False), (500, "Unhealthy", False)],
)
def test_health(call: Call, status: int, told: str, healthy: bool) -> None:
    behave = every_request(lambda peer, request: peer.answer({"status": told}, status))
    with Peers(behave) as server:
        health = call(server, "health")
    assert (health.status, health.healthy) == (told, healthy)
    assert server.requests[0].path == "/ping"


def test_health_is_as_it_is_now(call: Call) -> None:
    behave = every_request(lambda peer, request: peer.answer(problem("overloaded", 503), 503))
    with Peers(behave) as server, pytest.raises(UnavailableError):
        call(server, "health", retries=FAST)
    assert len(server.requests) == 1


DESCRIBED = {
    "modelName": "affect",
    "modelVersion": "1.0",
    "modelUrl": "affect.mar",
    "runtime": "python",
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 4,
    "maxBatchDelay": 100,
    "workers": [{"id": "9000", "status": "READY", "memoryUsage": 1, "pid": 17, "gpu": False}],
}


def manage(peer: Peer, request: Received) -> None:
    description = {
        "model": MODEL,
        "device": "cpu",
        "precision": "float32",
        "detector": {"name": "libfacedetection"},
        "sample_fps": 5.0,
        "versions": {"torch": "2"},
    }
    if request.path.startswith("/models?"):
        peer.answer({"models": [{"modelName": "affect", "modelUrl": "affect.mar"}]})
    elif request.path == "/models/affect":
        peer.answer([DESCRIBED])
    elif request.path == "/predictions/affect" and request.headers["describe"] == "True":
        peer.answer(description)
    else:
        peer.answer({"code": 404, "type": "ModelNotFoundException", "message": "Not found"}, 404)


def test_models_and_what_they_say_of_themselves(call: Call) -> None:
    with Peers(every_request(manage)) as server:
        key = {"management_url": server.url, "api_key": "k"}
        (model,) = call(server, "models", **key)
        assert (model.name, model.version, model.batch_size) == ("affect", "1.0", 4)
        assert model.ready
        assert model.workers[0].pid == 17
        description = call(server, "describe", **key)
        assert description.detector.name == "libfacedetection"
    assert server.requests[0].headers["authorization"] == "Bearer k"


def test_what_cannot_be_known_must_be_given() -> None:
    with AffectClient(base_url="https://gateway") as client:
        for ask in (client.models, client.metrics):
            with pytest.raises(SettingsError, match=r"Pass (management|metrics)_url"):
                ask()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 418, 422, 500, 503, 507])
def test_torchserve_s_own_refusals_have_the_class_of_their_status(status: int) -> None:
    told = {"code": status, "type": "SomeException", "message": "In its own words."}
    answer = httpx.Response(status, json=told, headers={"x-request-id": "r"})
    given = httpx.Client(transport=httpx.MockTransport(lambda request: answer))
    with (
        given,
        AffectClient(http_client=given, retries=ONCE) as client,
        pytest.raises(StatusError, match="In its own words") as caught,
    ):
        client.predict(b"clip")
    assert type(caught.value) is BY_STATUS.get(status, StatusError)
    assert (caught.value.status, caught.value.code) == (status, None)
    assert isinstance(caught.value, AffectError)
