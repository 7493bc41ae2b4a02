"""`affect-serve run` starts TorchServe again where it cannot be helped otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

import clips
from affect_client import wire
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from live_steps import encoded, headers, png, sampled
from ports import free_ports

FRAME = png(sampled(clips.carphone(), 1)[0])


@contextmanager
def serving(store: Path, *options: str) -> Iterator[tuple[LocalServer, subprocess.Popen[str]]]:
    """`affect-serve run`, ready, and an object that knows where it is."""
    port = free_ports()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "affect_serving.cli", "run", *options),
            *("--port", str(port), "--model-store", str(store)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for("ready:", process)
        yield LocalServer(store, port, (MODEL, LIVE_MODEL)), process
    finally:
        process.terminate()
        assert process.stdout is not None
        process.stdout.read()
        process.stdout.close()
        assert process.wait(60) == 0


def wait_for(sign: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith(sign):
            return
        said.append(line)
    raise AssertionError(f"the service ended before it said {sign}: {''.join(said[-20:])}")


def send(server: LocalServer, *, start: bool = False) -> httpx.Response:
    return httpx.post(
        f"{server.inference_url}/predictions/{LIVE_MODEL}",
        headers=headers("watched", start=start),
        files={"frame0": FRAME, "options": bytes(encoded({"times_s": [0.0 if start else 0.2]}))},
        timeout=60,
    )


def test_the_worker_of_the_live_sessions_dies(live_store: Path) -> None:
    with serving(live_store) as (server, process):
        assert send(server, start=True).status_code == 200
        (killed,) = server.worker_pids(LIVE_MODEL)
        os.kill(killed, signal.SIGKILL)
        wait_for("The worker of the live sessions has died.", process)
        wait_for("ready:", process)
        problem = wire.Problem.model_validate_json(send(server).content)
        assert problem.code == "unknown_session"
        assert send(server, start=True).status_code == 200


def test_torchserve_asks_for_ever_what_the_model_is(live_store: Path) -> None:
    # An endless loop in TorchServe 0.12.0, which nobody else could leave.
    with serving(live_store, "--no-live") as (server, process):
        url = f"{server.inference_url}/predictions/{MODEL}"
        assert httpx.post(url, files={"data": clips.no_face()}, timeout=60).status_code == 200
        assert (
            httpx.post(f"{server.inference_url}/predictions/{LIVE_MODEL}", timeout=10).status_code
            == 404
        )
        httpx.get(f"{server.management_url}/models/{MODEL}?customized=true", timeout=30)
        wait_for("TorchServe has ended.", process)
        wait_for("ready:", process)
        assert httpx.post(url, files={"data": clips.no_face()}, timeout=60).status_code == 200
