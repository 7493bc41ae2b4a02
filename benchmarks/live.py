"""How long a live session waits for each answer, alone and with others, from a running service.

    affect-serve run                                        in another terminal
    python benchmarks/live.py                               one and four sessions, one frame a send
    python benchmarks/live.py --sessions 4 --fps 2          paced instead of as fast as answered

Frames are 640x480 JPEG pictures of a camera panning over `skimage.data.astronaut()` (public
domain), made before anything is timed. Times are the client's, from send to the whole answer.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import cv2
import httpx
import numpy as np
import psutil
import skimage.data
from rich.console import Console
from rich.table import Table

from affect_client.wire import LiveAnswer

_SIZE: Final = (640, 480)
_SAMPLE_FPS: Final = 5.0
_console = Console()


@dataclass(frozen=True)
class Send:
    """One request: seconds from send to answer, and seconds of work in the server."""

    waited_s: float
    worked_s: float


def pictures(count: int) -> list[bytes]:
    """JPEG frames, each with a face."""
    portrait = skimage.data.astronaut()
    made = []
    for index in range(count):
        x = 30 + round(30 * np.sin(2 * np.pi * index / count))
        view = cv2.resize(portrait[0:338, x : x + 450], _SIZE)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(view, cv2.COLOR_RGB2BGR))
        assert done
        made.append(data.tobytes())
    return made


def run_session(url: str, frames: Sequence[bytes], fps: float | None) -> list[Send]:
    """One session from start to end; a frame a send."""
    name = str(uuid4())
    sends = []
    with httpx.Client(timeout=httpx.Timeout(10, read=None)) as client:
        begun = time.perf_counter()
        for index, frame in enumerate(frames):
            if fps is not None:
                time.sleep(max(0.0, begun + index / fps - time.perf_counter()))
            headers = {"ts_request_sequence_id": name}
            if index in {0, len(frames) - 1}:
                headers[
                    "ts_request_sequence_start" if index == 0 else "ts_request_sequence_end"
                ] = "true"
            started = time.perf_counter()
            answer = client.post(
                f"{url}/predictions/affect-live",
                headers=headers,
                files={"frame0": ("frame.jpg", frame, "image/jpeg")},
                data={"options": json.dumps({"times_s": [index / _SAMPLE_FPS]})},
            )
            waited_s = time.perf_counter() - started
            answer.raise_for_status()
            parsed = LiveAnswer.model_validate_json(answer.content)
            assert len(parsed.frames[0].faces) == 1
            sends.append(Send(waited_s, parsed.timing_s.total))
    return sends


def measure(url: str, sessions: int, frames: Sequence[bytes], fps: float | None) -> list[Send]:
    """So many sessions side by side; their sends but for each one's first two."""
    with ThreadPoolExecutor(sessions) as pool:
        runs = list(pool.map(lambda _: run_session(url, frames, fps), range(sessions)))
    return [send for run in runs for send in run[2:]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--frames", type=int, default=60, help="of each session")
    parser.add_argument("--fps", type=float, help="sends a second of each session")
    arguments = parser.parse_args()
    _console.print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}"
    )
    frames = pictures(arguments.frames)
    pace = "as fast as answered" if arguments.fps is None else f"{arguments.fps:g} a second"
    table = Table(title=f"{arguments.frames} sends a session, {pace}; milliseconds")
    for column in ("sessions", "p50", "p95", "most", "p50 in the server", "frames a second"):
        table.add_column(column, justify="right")
    for sessions in arguments.sessions:
        started = time.perf_counter()
        sends = measure(arguments.url, sessions, frames, arguments.fps)
        took_s = time.perf_counter() - started
        waited = np.array([send.waited_s for send in sends]) * 1000
        worked = np.array([send.worked_s for send in sends]) * 1000
        table.add_row(
            str(sessions),
            *(f"{np.percentile(waited, q):.0f}" for q in (50, 95, 100)),
            f"{np.percentile(worked, 50):.0f}",
            f"{sessions * len(frames) / took_s:.1f}",
        )
    _console.print(table)


if __name__ == "__main__":
    main()
