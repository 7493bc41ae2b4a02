"""When the first and the last frame of a streamed clip arrive, from a running service.

    affect-serve run                                        in another terminal
    python benchmarks/stream.py                             a 30 s, 720p clip with one face

Beside it, the same clip answered whole. The clip is `panning_clip` of serving.py.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from dataclasses import dataclass

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from serving import panning_clip

_console = Console()


@dataclass(frozen=True)
class Arrivals:
    """Seconds from sending the clip; `clip` is the stream's first line."""

    clip: float
    first_frame: float
    last_frame: float
    end: float
    frames: int


def stream(url: str, clip: bytes) -> Arrivals:
    """Stream a clip and note when its lines arrive."""
    frames: list[float] = []
    opened = 0.0
    started = time.perf_counter()
    with httpx.stream(
        "POST",
        f"{url}/predictions/affect",
        files={"data": ("clip.mp4", clip)},
        data={"options": '{"stream": true}'},
        timeout=httpx.Timeout(10, read=None, write=None),
    ) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            arrived = time.perf_counter() - started
            kind = json.loads(line)["type"]
            assert kind != "error", line
            if kind == "clip":
                opened = arrived
            elif kind == "frame":
                frames.append(arrived)
    end = time.perf_counter() - started
    return Arrivals(opened, frames[0], frames[-1], end, len(frames))


def whole(url: str, clip: bytes) -> float:
    """Seconds to the whole answer."""
    started = time.perf_counter()
    httpx.post(
        f"{url}/predictions/affect",
        files={"data": ("clip.mp4", clip)},
        timeout=httpx.Timeout(10, read=None, write=None),
    ).raise_for_status()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--seconds", type=int, default=30, help="of clip, whole tens")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    _console.print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}"
    )
    clip = panning_clip(arguments.seconds)
    stream(arguments.url, panning_clip(10))
    runs = [stream(arguments.url, clip) for _ in range(arguments.runs)]
    wholes = [whole(arguments.url, clip) for _ in range(arguments.runs)]
    table = Table(
        title=f"{arguments.seconds} s, 720p, {runs[0].frames} samples; "
        f"median of {arguments.runs} runs"
    )
    for column in ("arrives", "seconds after sending"):
        table.add_column(column, justify="right")
    for name, field in (
        ("clip line", "clip"),
        ("first frame", "first_frame"),
        ("last frame", "last_frame"),
        ("end of the stream", "end"),
    ):
        median = statistics.median(getattr(run, field) for run in runs)
        table.add_row(name, f"{median:.2f}")
    table.add_row("the whole answer instead", f"{statistics.median(wholes):.2f}")
    _console.print(table)


if __name__ == "__main__":
    main()
