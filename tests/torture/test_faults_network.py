"""A cut between the gateway and a replica costs no call either."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import MODULE

TESTS = Path(__file__).parents[1]


@pytest.mark.torture
def test_a_cut_between_gateway_and_replica_loses_nothing() -> None:
    if not MODULE.is_file():
        pytest.skip("nginx's JavaScript module is not installed; make test-system does it")
    may = ["unshare", "-n", "ip", "link", "set", "lo", "up"]
    if shutil.which("ip") is None or subprocess.run(may, check=False).returncode:
        pytest.skip("no right to make a network namespace")
    command = ["unshare", "-n", sys.executable, "-m", "torture.cut"]
    done = subprocess.run(
        command, cwd=TESTS, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
