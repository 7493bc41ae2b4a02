"""How long a live session waits for each answer, alone and with others.

    python benchmarks/live.py                               one and four sessions, one frame a send
    python benchmarks/live.py --sessions 4 --fps 2          paced instead of as fast as answered

Frames are 640x480 JPEG pictures of a camera panning over `skimage.data.astronaut()` (public
domain), made before anything is timed. Times are the client's, from `send` to the answer as a
value. A session's first two sends are not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Final

import cv2
import numpy as np
import skimage.data
from rich.console import Console
from rich.table import Table

from affect_client import AffectClient, RetryPolicy
from served import add_arguments, machine, save, service

_SIZE: Final = (640, 480)
_SAMPLE_FPS: Final = 5.0
_WARM_UP: Final = 2
_console = Console()


@dataclass(frozen=True)
class Send:
    """One request: seconds from send to answer, and seconds of work in the server."""

    waited_s: float
    worked_s: float


@dataclass(frozen=True)
class Row:
    """So many sessions side by side."""

    sessions: int
    sends: int
    p50_ms: float
    p95_ms: float
    most_ms: float
    server_p50_ms: float
    frames_per_s: float


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


def run_session(client: AffectClient, frames: Sequence[bytes], fps: float | None) -> list[Send]:
    """One session from start to end; a frame a send."""
    sends = []
    with client.live(fps=_SAMPLE_FPS) as session:
        begun = time.perf_counter()
        for index, frame in enumerate(frames):
            if fps is not None:
                time.sleep(max(0.0, begun + index / fps - time.perf_counter()))
            started = time.perf_counter()
            # What `send` does; this one also tells the server's times.
            answer = session.send_frames([frame])
            sends.append(Send(time.perf_counter() - started, answer.timing_s.total))
            assert len(answer.frames[0].faces) == 1
    return sends


def measure(url: str, sessions: int, frames: Sequence[bytes], fps: float | None) -> Row:
    """So many sessions at the same time."""
    with (
        AffectClient(base_url=url, retries=RetryPolicy(max_retries=0)) as client,
        ThreadPoolExecutor(sessions) as pool,
    ):
        started = time.perf_counter()
        runs = list(pool.map(lambda _: run_session(client, frames, fps), range(sessions)))
        took_s = time.perf_counter() - started
    sends = [send for run in runs for send in run[_WARM_UP:]]
    p50, p95, most = np.percentile([send.waited_s * 1000 for send in sends], (50, 95, 100))
    return Row(
        sessions,
        len(sends),
        round(float(p50), 1),
        round(float(p95), 1),
        round(float(most), 1),
        round(float(np.percentile([send.worked_s * 1000 for send in sends], 50)), 1),
        round(sessions * len(frames) / took_s, 2),
    )


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--frames", type=int, default=60, help="of each session, at least 3")
    parser.add_argument("--fps", type=float, help="sends a second of each session")
    arguments = parser.parse_args()
    if arguments.frames <= _WARM_UP:
        parser.error(f"--frames must be above {_WARM_UP}")
    about = machine()
    _console.print(about)
    frames = pictures(arguments.frames)
    with service(arguments) as url:
        rows = [measure(url, count, frames, arguments.fps) for count in arguments.sessions]
    pace = "as fast as answered" if arguments.fps is None else f"{arguments.fps:g} a second"
    table = Table(title=f"{len(frames)} sends a session, {pace}; milliseconds from send to answer")
    for column in ("sessions", "p50", "p95", "most", "p50 in the server", "frames a second"):
        table.add_column(column, justify="right")
    for row in rows:
        times = (row.p50_ms, row.p95_ms, row.most_ms, row.server_p50_ms)
        table.add_row(str(row.sessions), *(f"{ms:.0f}" for ms in times), f"{row.frames_per_s:.1f}")
    _console.print(table)
    save(
        arguments,
        {
            "machine": about,
            "frames_a_session": len(frames),
            "sends_per_s": arguments.fps,
            "rows": [asdict(row) for row in rows],
        },
    )


if __name__ == "__main__":
    main()
