"""How long a clip takes through a real TorchServe, by stage, and how much memory its worker takes.

    python benchmarks/serving.py stages    one 30 s 720p clip with one face, sent alone
    python benchmarks/serving.py memory    a 10 s and a 10 min 720p clip; the worker's peak memory
    python benchmarks/serving.py start     from a worker's first moment until it takes clips
    python benchmarks/serving.py hundred   its memory after 10 and after 100 clips

The clips are made by panning.py.
"""

from __future__ import annotations

import argparse
import io
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import torch
from rich.console import Console
from rich.table import Table

from affect_client.wire import Prediction
from affect_serving.server import LocalServer
from panning import panning_clip

_console = Console()


def post(server: LocalServer, clip: bytes) -> tuple[float, Prediction]:
    """Seconds from sending to the whole answer, and the answer."""
    started = time.perf_counter()
    answer = httpx.post(
        f"{server.inference_url}/predictions/affect",
        files={"data": ("clip.mp4", io.BytesIO(clip))},
        timeout=httpx.Timeout(10, read=None, write=None),
    )
    answer.raise_for_status()
    return time.perf_counter() - started, Prediction.model_validate_json(answer.content)


def stages(model_store: Path, runs: int) -> None:
    """Print the median time of each stage."""
    clip = panning_clip(30)
    with LocalServer(model_store, 19080) as server:
        post(server, panning_clip(10))
        results = [post(server, clip) for _ in range(runs)]
    answer = results[0][1]
    faces = sum(len(frame.faces) for frame in answer.frames)
    wall = statistics.median(seconds for seconds, _ in results)
    table = Table(
        title=f"30 s, 720p, {len(answer.frames)} samples, {faces} faces; median of {runs} runs"
    )
    for name in ("stage", "seconds", "share of wall"):
        table.add_column(name, justify="right")
    for stage in ("decode", "detect", "backbone", "temporal", "total"):
        seconds = statistics.median(getattr(p.timing_s, stage) for _, p in results)
        table.add_row(stage, f"{seconds:.2f}", f"{seconds / wall:.0%}")
    table.add_row("HTTP, whole", f"{wall:.2f}", "100%")
    _console.print(table)
    _console.print(f"real-time factor {30 / wall:.2f} (clip seconds a second)")


def memory(model_store: Path) -> None:
    """Print the worker's peak memory (VmHWM) after each clip, a fresh server for each."""
    peaks = {}
    for seconds in (10, 600):
        clip = panning_clip(seconds)
        with LocalServer(model_store, 19080) as server:
            (pid,) = server.worker_pids()
            idle = psutil.Process(pid).memory_info().rss / 2**20
            taken, answer = post(server, clip)
            peaks[seconds] = _peak_mib(pid)
        _console.print(
            f"{seconds} s clip ({len(clip) / 1e6:.1f} MB, {len(answer.frames)} samples): "
            f"worker {idle:.0f} MiB idle, {peaks[seconds]:.0f} MiB peak, {taken:.0f} s"
        )
    _console.print(f"difference of the peaks: {peaks[600] - peaks[10]:+.0f} MiB")


def start(model_store: Path, runs: int) -> None:
    """Print the seconds from a worker's first moment until it takes clips, and its memory."""
    taken = []
    for _ in range(runs):
        with LocalServer(model_store, 19080) as server:
            ready = time.time()
            (pid,) = server.worker_pids()
            taken.append(ready - psutil.Process(pid).create_time())
            memory_info = psutil.Process(pid).memory_full_info()
    _console.print(
        f"worker ready after {statistics.median(taken):.1f} s (median of {runs}, at most "
        f"{max(taken):.1f}); {memory_info.rss / 2**20:.0f} MiB resident, of which "
        f"{memory_info.uss / 2**20:.0f} its own"
    )


def hundred(model_store: Path) -> None:
    """Print the worker's resident memory while a hundred clips come, four at a time."""
    clip = panning_clip(10, "480p")
    with LocalServer(model_store, 19080) as server, ThreadPoolExecutor(4) as pool:
        (pid,) = server.worker_pids()
        worker = psutil.Process(pid)
        for count in range(10, 101, 10):
            for _, answer in pool.map(lambda _: post(server, clip), range(10)):
                assert len(answer.frames) == 50
            memory_mib = worker.memory_info().rss / 2**20
            _console.print(
                f"{count} clips: {memory_mib:.0f} MiB, {worker.num_threads()} threads, "
                f"{worker.num_fds()} files"
            )


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not report peak memory (needs Linux)")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("stages", "memory", "start", "hundred"))
    parser.add_argument("--model-store", type=Path, default=Path("model_store"))
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    _console.print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, torch {torch.__version__}"
    )
    match arguments.what:
        case "stages":
            stages(arguments.model_store, arguments.runs)
        case "start":
            start(arguments.model_store, arguments.runs)
        case "hundred":
            hundred(arguments.model_store)
        case _:
            memory(arguments.model_store)


if __name__ == "__main__":
    main()
