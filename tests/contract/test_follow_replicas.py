"""The gateway's follow-replicas: addresses from DNS to nginx's list, and a reload on change."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parents[2] / "docker" / "gateway" / "follow-replicas"
DOWN: Final = "server 127.0.0.1:9 down;\n"
# Stands in for nginx: writes a line when it is told to read its settings again.
NGINX: Final = 'trap \'echo read >> "$1"\' HUP; echo begun >> "$1"; while :; do sleep 0.05; done'


class Pod:
    """A folder with what the container has, and a DNS that says what its files say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bin", "dns", "nginx/site", "nginx/tls", "tmp"):
            (folder / name).mkdir(parents=True)
        getent = folder / "bin" / "getent"
        getent.write_text(f'#!/bin/sh\ncat "{folder}/dns/$2" 2>/dev/null\n')
        getent.chmod(0o755)
        (folder / "nginx/tls/certificate.pem").write_text("first")
        self.names("affect-replicas 1")

    def names(self, text: str) -> None:
        (self.folder / "nginx/site/replicas.names").write_text(f"{text}\n")

    def dns(self, name: str, *addresses: str) -> None:
        lines = [f"{a}   {kind}\n" for a in addresses for kind in ("STREAM x", "DGRAM", "RAW")]
        (self.folder / "dns" / name).write_text("".join(lines))

    @property
    def servers(self) -> str:
        return (self.folder / "tmp/replicas.conf").read_text()

    @property
    def read(self) -> int:
        """How often nginx was told to."""
        return (self.folder / "nginx.log").read_text().count("read")

    def environment(self) -> dict[str, str]:
        paths = {"NGINX": self.folder / "nginx", "MEMORY": self.folder / "tmp"}
        found = {name: str(path) for name, path in paths.items()}
        return {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "EVERY": "0.1", **found}

    def once(self) -> None:
        subprocess.run([SCRIPT, "once"], check=True, env=self.environment(), timeout=60)


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


@pytest.fixture
def followed(pod: Pod) -> Iterator[Pod]:
    """With two replicas, and running."""
    pod.dns("affect-replicas", "10.0.0.2", "10.0.0.1")
    log = pod.folder / "nginx.log"
    nginx = subprocess.Popen(["sh", "-c", NGINX, "nginx", log])
    until(log.exists)
    (pod.folder / "tmp/nginx.pid").write_text(str(nginx.pid))
    pod.once()
    script = subprocess.Popen([SCRIPT], env=pod.environment())
    until(lambda: pod.read == 1)
    yield pod
    for process in (script, nginx):
        process.send_signal(signal.SIGKILL)
        process.wait()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def line(address: str, weight: int = 1) -> str:
    return f"server {address}:8080 weight={weight} max_fails=1 fail_timeout=5s;\n"


def test_each_address_is_a_server_of_its_own_in_an_order_that_all_gateways_share(pod: Pod) -> None:
    pod.dns("affect-replicas", "10.0.0.2", "10.0.0.1")
    pod.dns("affect-replicas-canary", "10.0.0.3")
    pod.names("affect-replicas 9\naffect-replicas-canary 1")
    pod.once()
    assert pod.servers == line("10.0.0.1", 9) + line("10.0.0.2", 9) + line("10.0.0.3")


def test_without_replicas_nginx_has_one_that_is_down(pod: Pod) -> None:
    pod.once()
    assert pod.servers == DOWN


def test_nginx_is_told_of_another_replica_and_of_nothing_else(followed: Pod) -> None:
    time.sleep(0.5)
    assert followed.read == 1
    followed.dns("affect-replicas", "10.0.0.1", "10.0.0.2", "10.0.0.3")
    until(lambda: followed.read == 2)
    assert followed.servers.endswith(line("10.0.0.3"))
    time.sleep(0.5)
    assert followed.read == 2


def test_nginx_is_told_of_another_certificate(followed: Pod) -> None:
    before = followed.servers
    (followed.folder / "nginx/tls/certificate.pem").write_text("second")
    until(lambda: followed.read == 2)
    assert followed.servers == before


def test_a_dns_that_knows_nobody_empties_no_list(followed: Pod) -> None:
    before = followed.servers
    followed.dns("affect-replicas")
    time.sleep(1)
    assert (followed.servers, followed.read) == (before, 1)
