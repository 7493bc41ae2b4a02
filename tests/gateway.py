"""Debian's nginx with docker/gateway's configuration, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx
import psutil
import pytest

from affect_client import AffectClient, RetryPolicy
from ports import answers, free_ports

SOURCE: Final = Path(__file__).parents[1] / "docker" / "gateway"
OPENAPI: Final = Path(__file__).parents[1] / "docs" / "openapi.json"
MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")


class Gateway:
    """nginx before replicas; the files of its site may be changed, and reloaded.

    Args:
        folder: empty.
        replicas: addresses, or addresses with parameters, as `127.0.0.1:8080 weight=9`.
    """

    def __init__(self, folder: Path, replicas: Iterable[str]) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None or not MODULE.is_file():
            pytest.skip("nginx or its JavaScript module is not installed; make test-system does it")
        self.program = program
        self.folder = folder
        self.port = free_ports(6)  # of which it takes one: replicas that start take six
        self.url = f"https://localhost:{self.port}"
        shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
        (folder / "run").mkdir()
        shutil.copy(OPENAPI, folder)
        nginx = (folder / "nginx.conf").read_text()
        (folder / "nginx.conf").write_text(nginx.replace("alias /etc/nginx/", f"alias {folder}/"))
        listen = (folder / "site/listen.conf").read_text()
        self.site("listen.conf", listen.replace("listen 8443", f"listen 127.0.0.1:{self.port}"))
        self.serve(replicas)
        self.key = self.new_key("tests")
        self._certificate()
        # As root nginx would become another user, who cannot look into this folder.
        self._command = [program, "-g", "user root;"] if os.getuid() == 0 else [program]
        self._command += ["-p", str(folder / "run"), "-c", str(folder / "nginx.conf")]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Gateway:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if answers(f"{self.url}/models", self.tls):
                return self
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGQUIT)
        try:
            assert self.process.wait(20) == 0
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(20)
            raise

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """nginx's master."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> Path:
        """All that it writes."""
        return self.folder / "log"

    @property
    def uploads(self) -> Path:
        """Where they wait."""
        return self.folder / "run" / "body"

    def lines(self) -> list[dict[str, Any]]:
        """Of the access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line[0] == "{"]

    def site(self, name: str, text: str) -> None:
        """Write one of the site's files."""
        (self.folder / "site" / name).write_text(text)

    def serve(self, replicas: Iterable[str]) -> None:
        """Write who is behind it."""
        each = "max_fails=1 fail_timeout=5s"
        self.site("replicas.conf", "".join(f"server {one} {each};\n" for one in replicas))

    def new_key(self, name: str) -> str:
        """Make a key as an operator does."""
        program = [str(self.folder / "new-key"), name]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        keys = self.folder / "site" / "keys.map"
        keys.write_text(keys.read_text() + done.stdout)
        return done.stderr.strip()

    def reload(self) -> None:
        """Take the site's files over; returns when new workers are there."""
        master = psutil.Process(self.process.pid)
        before = {child.pid for child in master.children()}
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while {child.pid for child in master.children()} <= before:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)
        time.sleep(0.2)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Trusts its certificate and no other."""
        return ssl.create_default_context(cafile=self.folder / "tls" / "certificate.pem")

    def http(self, key: str | None = None) -> httpx.Client:
        """Sends the key with every request, each on a connection of its own.

        One that was kept may be closed by nginx in the moment that it is used again.
        """
        return httpx.Client(
            verify=self.tls,
            headers={"Authorization": f"Bearer {self.key if key is None else key}"},
            timeout=120,
            base_url=self.url,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def client(self, http: httpx.Client, key: str | None = None, retries: int = 0) -> AffectClient:
        """The product's own client."""
        return AffectClient(
            base_url=self.url,
            api_key=self.key if key is None else key,
            http_client=http,
            retries=RetryPolicy(max_retries=retries),
        )

    def _certificate(self) -> None:
        (self.folder / "tls").mkdir()
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        command += " -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        files = ["-keyout", "tls/key.pem", "-out", "tls/certificate.pem"]
        subprocess.run([*command.split(), *files], cwd=self.folder, check=True, capture_output=True)
