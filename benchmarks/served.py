"""What benchmarks of a service share: where it is, what runs it, and a file of results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch

from affect_serving.server import LIVE_MODEL, MODEL, LocalServer

_PORT = 19080


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every benchmark of a service."""
    parser.add_argument("--url", help="of a running service, instead of one that is started here")
    parser.add_argument("--model-store", type=Path, default=Path("model_store"))
    parser.add_argument("--json", type=Path, help="write the results there, too")


@contextmanager
def service(arguments: argparse.Namespace) -> Iterator[str]:
    """Base URL of the service that was asked for; one that is started here is stopped."""
    if arguments.url is not None:
        yield arguments.url
        return
    with LocalServer(arguments.model_store, _PORT, (MODEL, LIVE_MODEL)) as server:
        yield server.inference_url


def machine() -> dict[str, str | int | float | None]:
    """What the numbers hold for. `load` is that of others where taken before the benchmark."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 2),
    }


def save(arguments: argparse.Namespace, results: dict[str, Any]) -> None:
    """Write the results where they are wanted."""
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
