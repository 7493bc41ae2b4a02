"""Starting, describing, measuring and stopping a real TorchServe."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import clips
from affect_client import wire
from affect_serving.declared import STAGES
from affect_serving.processes import ServerError
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from ports import free_ports
from repacked import repack

CLI = [sys.executable, "-m", "affect_serving.cli"]


def metrics(server: LocalServer) -> dict[tuple[str, str], float]:
    """(sample name, value of its first label) -> value."""
    families = text_string_to_metric_families(httpx.get(server.metrics_url, timeout=10).text)
    return {
        (
            sample.name,
            next((v for k, v in sample.labels.items() if k != "Hostname"), ""),
        ): sample.value
        for family in families
        if family.name.startswith("affect")
        for sample in family.samples
        if "le" not in sample.labels
    }


def describe(server: LocalServer) -> wire.ModelDescription:
    answer = httpx.post(
        f"{server.inference_url}/predictions/affect", headers={"describe": "True"}, timeout=30
    )
    assert answer.headers["content-type"] == "application/json"
    return wire.ModelDescription.model_validate_json(answer.content)


def test_prometheus_counts_clips_frames_and_stages(server: LocalServer) -> None:
    url = f"{server.inference_url}/predictions/affect"
    httpx.post(url, files={"data": ("c", clips.portrait_pan())}, timeout=60)
    before = metrics(server)
    httpx.post(url, files={"data": ("c", clips.portrait_pan())}, timeout=60)
    httpx.post(url, files={"data": ("c", clips.no_face())}, timeout=60)
    httpx.post(url, files={"data": ("c", b"no clip")}, timeout=60)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        grown = {key: value - before.get(key, 0) for key, value in metrics(server).items()}
        if grown["affect_clips_total", "undecodable_clip"] >= 1:
            break
        time.sleep(0.2)
    assert grown["affect_clips_total", "ok"] == 2
    assert grown["affect_clips_total", "undecodable_clip"] == 1
    assert grown["affect_frames_total", "face"] == 10
    assert grown["affect_frames_total", "no_face"] == 10
    assert grown["affect_clip_seconds_total", "affect"] == pytest.approx(4.0)
    for stage in STAGES:
        assert grown["affect_stage_seconds_count", stage] == 2
        assert grown["affect_stage_seconds_sum", stage] > 0


def test_the_model_describes_itself(server: LocalServer) -> None:
    described = describe(server)
    assert described.detector.name == "libfacedetection"
    assert described.detector.fallback_reason is None
    assert "random weights" in described.model.trained_on


def test_settings_from_the_environment_reach_the_worker(
    small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFECT_LIMITS__MAX_SAMPLES", "10")
    monkeypatch.setenv("AFFECT_DETECTOR", "haar")
    with LocalServer(small_store, free_ports()) as server:
        url = f"{server.inference_url}/predictions/affect"
        refused = httpx.post(url, files={"data": ("c", clips.carphone())}, timeout=60)
        assert wire.Problem.model_validate_json(refused.content).code == "clip_too_long"
        answered = httpx.post(url, files={"data": ("c", clips.portrait_pan())}, timeout=60)
        assert len(wire.Prediction.model_validate_json(answered.content).frames) == 10
        described = describe(server)
    assert described.detector.name == "haar"


def test_a_worker_that_is_killed_is_replaced_and_answers_again(server: LocalServer) -> None:
    (killed,) = server.worker_pids()
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 180
    answer = None
    while time.monotonic() < deadline:
        try:
            answer = httpx.post(
                f"{server.inference_url}/predictions/affect",
                files={"data": ("c", clips.no_face())},
                timeout=20,
            )
        except httpx.ReadTimeout:
            # Sent before TorchServe saw that the worker is gone, and lost with it.
            continue
        if answer.status_code == 200:
            break
        assert answer.status_code in (500, 503, 507)
        time.sleep(0.5)
    assert answer is not None
    assert len(wire.Prediction.model_validate_json(answer.content).frames) == 10
    assert killed not in server.worker_pids()


def test_a_worker_that_cannot_load_says_so_instead_of_hanging(
    small_store: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(small_store, store)
    with zipfile.ZipFile(store / "affect.mar") as archive:
        weights = archive.read("weights.safetensors")
    # Signed, so that it gets as far as the worker, where the spec names other weights.
    repack(store / "affect.mar", {"weights.safetensors": weights[:-1] + b"\0"})
    with (
        pytest.raises(ServerError, match="the weights are damaged"),
        LocalServer(store, free_ports()),
    ):
        pass


def test_an_archive_that_was_changed_is_not_started(small_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(small_store, store)
    repack(store / "affect.mar", {"MODEL_CARD.md": b"all is well"}, enter=False)
    done = subprocess.run(
        [*CLI, "run", "--port", str(free_ports()), "--model-store", str(store), "--no-live"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "affect.mar is damaged, or is not the archive that was exported" in done.stdout


def test_a_taken_port_and_a_missing_archive_are_named(tmp_path: Path, model_store: Path) -> None:
    with pytest.raises(ServerError, match="affect-train export"):
        LocalServer(tmp_path).start()
    (tmp_path / "config.properties").touch()
    (tmp_path / "affect.mar").touch()
    with pytest.raises(ServerError, match=r"affect-live\.mar is missing.*--no-live"):
        LocalServer(tmp_path, models=(MODEL, LIVE_MODEL)).start()
    port = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 1))
        other.listen()
        with pytest.raises(ServerError, match=f"Port {port + 1} is taken"):
            LocalServer(model_store, port).start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_told_to_stop_and_leaves_nothing(
    how: signal.Signals, model_store: Path
) -> None:
    port = free_ports()
    process = subprocess.Popen(
        [*CLI, "run", "--port", str(port), "--model-store", str(model_store)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready:"):
            break
    answer = httpx.post(
        f"http://127.0.0.1:{port}/predictions/affect",
        files={"data": ("c", clips.no_face())},
        timeout=60,
    )
    assert answer.status_code == 200
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    os.kill(process.pid, how)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    for offset in range(5):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port + offset))


def test_the_demo_shows_a_row_for_every_sample(model_store: Path) -> None:
    done = subprocess.run(
        [*CLI, "demo", "--port", str(free_ports()), "--model-store", str(model_store)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for k in range(20):
        assert f"{k / 5:.1f} s" in done.stdout
    assert "random weights" in done.stdout
    assert "curl -F data=@" in done.stdout


def test_a_demo_that_is_told_to_stop_while_starting_leaves_nothing(model_store: Path) -> None:
    process = subprocess.Popen(
        [*CLI, "demo", "--port", str(free_ports()), "--model-store", str(model_store)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    family: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while not any(child.name() == "java" for child in family) and time.monotonic() < deadline:
        time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
