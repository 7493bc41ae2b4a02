"""Debian's Prometheus against the real service."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import clips
from affect_serving.server import LocalServer
from ports import free_ports

pytestmark = pytest.mark.system


@pytest.fixture
def prometheus(server: LocalServer, tmp_path: Path) -> Iterator[str]:
    """Base URL of a Prometheus that scrapes the service every second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed; make test-system installs it")
    target = server.metrics_url.removeprefix("http://").removesuffix("/metrics")
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: affect, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    address = f"127.0.0.1:{free_ports(1)}"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    yield f"http://{address}"
    process.terminate()
    process.wait(30)


def query(base: str, expression: str) -> float | None:
    try:
        answer = httpx.get(f"{base}/api/v1/query", params={"query": expression}, timeout=5)
    except httpx.HTTPError:
        return None
    result = answer.json().get("data", {}).get("result", [])
    return float(result[0]["value"][1]) if result else None


def eventually(base: str, expression: str, expected: float) -> None:
    deadline = time.monotonic() + 60
    value = None
    while time.monotonic() < deadline:
        value = query(base, expression)
        if value is not None and value >= expected:
            return
        time.sleep(0.5)
    raise AssertionError(f"{expression} is {value}, not {expected}")


def test_prometheus_scrapes_clips_frames_and_stage_histograms(
    server: LocalServer, prometheus: str
) -> None:
    for data in (clips.portrait_pan(), clips.no_face(), b"no clip"):
        url = f"{server.inference_url}/predictions/affect"
        httpx.post(url, files={"data": ("c", data)}, timeout=60)
    eventually(prometheus, 'up{job="affect"}', 1)
    eventually(prometheus, 'affect_clips_total{code="ok"}', 2)
    eventually(prometheus, 'affect_clips_total{code="undecodable_clip"}', 1)
    eventually(prometheus, 'affect_frames_total{outcome="face"}', 10)
    eventually(prometheus, 'affect_frames_total{outcome="no_face"}', 10)
    eventually(
        prometheus,
        'histogram_quantile(0.5, sum by (le) (affect_stage_seconds_bucket{stage="backbone"}))',
        0.005,
    )


def test_promtool_finds_nothing_wrong_with_the_names(server: LocalServer) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed; make test-system installs it")
    httpx.post(f"{server.inference_url}/predictions/affect", content=b"x", timeout=60)
    text = httpx.get(server.metrics_url, timeout=10).text
    # TorchServe's own metrics and its style of label lists are not ours to lint.
    ours = [line for line in text.splitlines() if "affect_" in line and "Worker" not in line]
    done = subprocess.run(
        [program, "check", "metrics"],
        input="\n".join(ours).replace(",}", "}") + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
