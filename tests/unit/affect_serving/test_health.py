"""The health check against servers that answer as TorchServe does, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from affect_serving import health
from ports import free_ports

PING = {"status": "Healthy"}
MODELS = {"models": [{"modelName": "affect", "modelUrl": "affect.mar"}]}


@contextmanager
def answering(answers: dict[str, object]) -> Iterator[int]:
    """Inference and management that give the answers of their paths, else 500."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in answers
            self.send_response(200 if known else 500)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path)).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    port = free_ports(2)
    servers = [ThreadingHTTPServer(("127.0.0.1", port + k), Handler) for k in range(2)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield port
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def worker(status: str) -> list[dict[str, list[dict[str, str]]]]:
    return [{"workers": [{"status": status}]}]


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({"/ping": PING, "/models": MODELS, "/models/affect": worker("READY")}, None),
        ({"/ping": PING, "/models": MODELS, "/models/affect": worker("UNLOADING")}, "no worker"),
        ({"/ping": PING, "/models": MODELS, "/models/affect": [{"workers": []}]}, "no worker"),
        ({"/ping": PING, "/models": {"models": []}}, "No model"),
        ({"/ping": PING, "/models": MODELS}, "HTTPError"),
        ({"/models": MODELS, "/models/affect": worker("READY")}, "HTTPError"),
        ({"/ping": PING, "/models": "what"}, "Error"),
    ],
)
def test_it_says_what_is_wrong(
    answers: dict[str, object],
    wrong: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(answers) as port:
        monkeypatch.setenv("AFFECT_PORT", str(port))
        assert health.main() == int(wrong is not None)
    assert (wrong or "A clip would be answered.") in capsys.readouterr().out


def test_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECT_PORT", str(free_ports(2)))
    assert health.main() == 1
