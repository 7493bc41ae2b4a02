"""Schemathesis with our OpenAPI document against a real server, for as long as is wanted.

    PYTHONPATH=tests .venv/bin/python -m torture.conformance --minutes 5            TorchServe alone
    PYTHONPATH=tests .venv/bin/python -m torture.conformance --minutes 5 --gateway  behind nginx

It prints what was answered, and what was not as the document says; its status is 1 then.
TorchServe itself takes any method at a path of predictions, and makes up a name for a live session
that has none; the gateway refuses both. So these checks are left out without one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from gateway import Gateway
from ports import free_ports
from small_store import export_small

HERE: Final = Path(__file__).parent
TESTS: Final = HERE.parent
ROOT: Final = TESTS.parent

OF_THE_GATEWAY: Final = (
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
)
"""Checks that TorchServe by itself does not pass."""
_TALLY: Final = "AFFECT_CONFORMANCE_TALLY"
_ALONE: Final = "AFFECT_CONFORMANCE_ALONE"


@dataclass(frozen=True)
class Conformance:
    """What one run found."""

    status: int
    report: str
    answers: Counter[tuple[str, int, str]]
    """By operation, status and media type."""

    @property
    def server_errors(self) -> int:
        """Answers of 500 and above."""
        return sum(count for (_, status, _), count in self.answers.items() if status >= 500)


def conform(
    url: str,
    folder: Path,
    *,
    seconds: int | None = None,
    examples: int = 20,
    seed: int = 1,
    gateway: Gateway | None = None,
) -> Conformance:
    """Run schemathesis in a process of its own.

    Args:
        url: of the server.
        folder: empty; for the run's files.
        seconds: to go on for; None is each phase once.
        examples: of each operation and phase.
        seed: of what is made up.
        gateway: before the server; its key and its certificate are used.
    """
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", str(HERE / "conformance.toml"), "run"]
    command += [str(ROOT / "docs" / "openapi.json"), "--url", url, "--no-color"]
    command += ["--phases", "coverage,fuzzing", "--max-examples", str(examples)]
    command += ["--seed", str(seed), "--generation-database", "none", "--request-timeout", "60"]
    command += ["--continue-on-failure", "--suppress-health-check", "all"]
    if seconds is not None:
        command += ["--max-time", str(seconds)]
    if gateway is None:
        command += ["--exclude-checks", ",".join(OF_THE_GATEWAY)]
        command += ["--exclude-operation-id", "openapi"]
    else:
        command += ["-H", f"Authorization: Bearer {gateway.key}"]
        command += ["--tls-verify", str(gateway.folder / "tls" / "certificate.pem")]
    tally = folder / "tally"
    tally.touch()
    sources = [TESTS, *(ROOT / name for name in ("api_client", "handlers", "training"))]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, sources), os.environ.get("PYTHONPATH", "")]),
        "SCHEMATHESIS_HOOKS": str(HERE / "conformance_hooks.py"),
        _TALLY: str(tally),
        _ALONE: "1" if gateway is None else "0",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    # A line for each hook that schemathesis has loaded.
    lines = {tuple(json.loads(line)) for line in tally.read_text(encoding="utf-8").splitlines()}
    answers = Counter((label, status, kind) for _, label, status, kind in lines)
    report = "\n".join(line[:300] for line in f"{done.stdout}\n{done.stderr}".splitlines())
    return Conformance(done.returncode, report, answers)


def unlimited(gateway: Gateway) -> None:
    """Take its limits of requests away, which are tests of their own."""
    path = gateway.folder / "site" / "limits.conf"
    path.write_text(path.read_text().replace("rate=10r/s", "rate=100000r/s"))


def main() -> int:
    """Start what is needed, run, print, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gateway", action="store_true")
    wanted = parser.parse_args()
    seconds = round(wanted.minutes * 60)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("store", "gateway", "run"):
            (folder / name).mkdir()
        export_small(folder / "store")
        server = stack.enter_context(
            LocalServer(folder / "store", free_ports(), (MODEL, LIVE_MODEL))
        )
        gateway = None
        if wanted.gateway:
            gateway = Gateway(folder / "gateway", [f"127.0.0.1:{server.addresses.port}"])
            unlimited(gateway)
            stack.enter_context(gateway)
        url = server.inference_url if gateway is None else gateway.url
        before = server.worker_pids(), server.worker_pids(LIVE_MODEL)
        found = conform(url, folder / "run", seconds=seconds, seed=wanted.seed, gateway=gateway)
        same = before == (server.worker_pids(), server.worker_pids(LIVE_MODEL))
    sys.stdout.write(found.report)
    for (label, status, kind), count in sorted(found.answers.items()):
        sys.stdout.write(f"{count:6}  {label:32} {status} {kind}\n")
    sys.stdout.write(
        f"{found.answers.total()} requests, {found.server_errors} answered with 5xx; "
        f"workers {'are the same' if same else 'were replaced'}\n"
    )
    return found.status or int(not same)


if __name__ == "__main__":
    sys.exit(main())
