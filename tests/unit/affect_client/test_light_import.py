from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["affect_client", "affect_client.wire"])
def test_the_client_loads_nothing_heavy_and_nothing_of_the_others(module: str) -> None:
    heavy = "torch cv2 av numpy ts affect_core affect_serving affect_training affect_handler"
    program = (
        f"import sys, {module}\nprint(*[name for name in {heavy.split()} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
