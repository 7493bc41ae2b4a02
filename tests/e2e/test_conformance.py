"""What a real TorchServe answers is what docs/openapi.json says, as schemathesis tries it out."""

from __future__ import annotations

from pathlib import Path

from affect_serving.server import LIVE_MODEL, LocalServer
from torture.conformance import conform


def test_every_answer_is_one_that_the_document_names(
    live_server: LocalServer, tmp_path: Path
) -> None:
    workers = live_server.worker_pids(), live_server.worker_pids(LIVE_MODEL)
    found = conform(live_server.inference_url, tmp_path)
    assert found.status == 0, found.report
    statuses = {status for _, status, _ in found.answers}
    assert {200, 400, 409, 422} <= statuses
    assert any(kind == "application/x-ndjson" for _, _, kind in found.answers)
    assert (live_server.worker_pids(), live_server.worker_pids(LIVE_MODEL)) == workers
