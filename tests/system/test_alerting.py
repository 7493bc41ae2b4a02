"""Debian's Prometheus with the real rules: the real service, its probe, an alert, the panels."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import clips
from affect_client.probing import Expected
from affect_serving.server import LIVE_MODEL, LocalServer
from live_steps import encoded, headers, png, sampled
from ports import free_ports
from programs import affect, process
from promql import RULES, panels

pytestmark = pytest.mark.system

PROMETHEUS = RULES.parent
SHORT = "3s"
PATIENCE_S = 90
NOT_YET = {
    "Alerts": "nothing fires",
    "Certificate, time left": "no https here",
    "Population stability index, 6 h (0.25: marked)": "the archive has no reference",
    "arousal: share by bin in the evaluation": "the archive has no reference",
    "valence: share by bin in the evaluation": "the archive has no reference",
    "score: share by bin in the evaluation": "the archive has no reference",
}
"""Panels that are empty for these reasons."""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; make test-system installs it")
    return found


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_finds_configuration_and_rules_right() -> None:
    said = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert "FAILED" not in said
    assert "lint" not in promtool("check", "rules", *map(str, RULES.glob("*.yml")))


@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda p: p.stem)
def test_each_alert_fires_and_does_not(file: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(file))


def test_alertmanager_takes_its_configuration() -> None:
    config = PROMETHEUS.parent / "alertmanager" / "alertmanager.yml"
    subprocess.run([program("amtool"), "check-config", str(config)], check=True)


@contextmanager
def probing(server: LocalServer, clip: Path, known: Path, port: int) -> Iterator[None]:
    """`affect probe`, every second."""
    started = process(
        "--base-url", server.inference_url, "probe", clip, known,
        "--every", 1, "--listen", f"127.0.0.1:{port}",
    )  # fmt: skip
    try:
        yield
    finally:
        started.send_signal(signal.SIGTERM)
        out, err = started.communicate(timeout=60)
        assert (started.returncode, out) == (0, b""), err


@pytest.fixture
def prometheus(live_server: LocalServer, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Base URL of a Prometheus with our configuration, sped up; the port it wants the probe at."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    probe = free_ports(2)
    address = f"127.0.0.1:{probe + 1}"
    targets = {
        "affect": live_server.metrics_url.removeprefix("http://").removesuffix("/metrics"),
        "affect-probe": f"127.0.0.1:{probe}",
    }
    config["scrape_configs"] = [
        {"job_name": name, "static_configs": [{"targets": [target]}]}
        for name, target in targets.items()
    ]
    del config["alerting"]
    (tmp_path / "rules").mkdir()
    for path in RULES.glob("*.yml"):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = SHORT
        (tmp_path / "rules" / path.name).write_text(yaml.safe_dump(rules))
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        program("prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={address}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://{address}", probe
    started.terminate()
    started.wait(60)


def query(base: str, expression: str) -> list[dict[str, Any]]:
    try:
        answer = httpx.get(f"{base}/api/v1/query", params={"query": expression}, timeout=20)
    except httpx.HTTPError:
        return []
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def seconds_until(true: Callable[[], object]) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.2)
    return time.monotonic() - began


def firing(base: str, name: str) -> bool:
    return bool(query(base, f'ALERTS{{alertname="{name}",alertstate="firing"}}'))


def live_request(server: LocalServer) -> None:
    frame = sampled(clips.carphone(), 1)[0]
    parts = {"frame0": png(frame), "options": bytes(encoded({"times_s": [0.0]}))}
    url = f"{server.inference_url}/predictions/{LIVE_MODEL}"
    answer = httpx.post(
        url, headers=headers("probe", start=True, end=True), files=parts, timeout=60
    )
    assert answer.status_code == 200, answer.text


def test_a_silently_wrong_model_pages_and_is_forgotten_once_it_is_right(
    live_server: LocalServer, prometheus: tuple[str, int], tmp_path: Path
) -> None:
    base, port = prometheus
    clip, known, wrong = tmp_path / "clip.mp4", tmp_path / "known.json", tmp_path / "wrong.json"
    clip.write_bytes(clips.portrait_pan(1.0))
    learned = affect("learn", clip, known, url=live_server.inference_url)
    assert learned.status == 0, learned.err
    right = Expected.model_validate_json(known.read_bytes())
    shifted = [
        frame.model_copy(
            update={
                "faces": [f.model_copy(update={"valence": -f.valence or 0.5}) for f in frame.faces]
            }
        )
        for frame in right.frames
    ]
    wrong.write_text(right.model_copy(update={"frames": shifted}).model_dump_json())
    live_request(live_server)
    with probing(live_server, clip, known, port):
        seconds_until(lambda: query(base, "affect_probe_success == 1"))
        # Each panel's expression gives something after real clips, but for those with a reason.
        seconds_until(lambda: not empty_panels(base) - set(NOT_YET))
        assert not firing(base, "AffectlineProbeWrong")
    with probing(live_server, clip, wrong, port):
        fired_s = seconds_until(lambda: firing(base, "AffectlineProbeWrong"))
    with probing(live_server, clip, known, port):
        resolved_s = seconds_until(lambda: not firing(base, "AffectlineProbeWrong"))
    print(f"fires after {fired_s:.1f} s, resolves after {resolved_s:.1f} s")  # noqa: T201


def empty_panels(base: str) -> set[str]:
    return {
        title.partition(": ")[2] for title, expression in panels() if not query(base, expression)
    }
