"""The same behind the gateway, which also refuses what TorchServe answers wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Gateway
from replicas import Replica
from torture.conformance import conform, unlimited

pytestmark = pytest.mark.system


def test_behind_the_gateway_every_answer_is_one_that_the_document_names(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "gateway").mkdir()
    gateway = Gateway(tmp_path / "gateway", [replica.address for replica in replicas])
    unlimited(gateway)
    with gateway:
        found = conform(gateway.url, tmp_path / "run", gateway=gateway)
        assert gateway.key not in gateway.log.read_text()
    assert found.status == 0, found.report
    assert found.server_errors == 0
    assert {200, 400, 405, 409, 422} <= {status for _, status, _ in found.answers}
