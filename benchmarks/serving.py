"""How long a clip takes through a real TorchServe, by stage, and how much memory its worker takes.

    python benchmarks/serving.py stages    one 30 s 720p clip with one face, sent alone
    python benchmarks/serving.py memory    a 10 s and a 10 min 720p clip; the worker's peak memory

The clips are made here: a camera panning over `skimage.data.astronaut()` (public domain).
"""

from __future__ import annotations

import argparse
import io
import platform
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import httpx
import numpy as np
import psutil
import skimage.data
import torch
from av.video.stream import VideoStream
from rich.console import Console
from rich.table import Table

from affect_client.wire import Prediction
from affect_serving.server import LocalServer

_SIZE: Final = (1280, 720)
_FPS: Final = 30
_LOOP_S: Final = 10
_console = Console()


def panning_clip(seconds: int) -> bytes:
    """A 720p H.264 MP4 of whole 10 s loops: encoded once, its packets repeated."""
    with tempfile.TemporaryDirectory() as folder:
        loop, path = Path(folder) / "loop.mp4", Path(folder) / "clip.mp4"
        _encode_loop(loop)
        with av.open(str(path), mode="w") as out:
            stream = None
            for repeat in range(seconds // _LOOP_S):
                with av.open(str(loop), mode="r") as source:
                    video = source.streams.video[0]
                    stream = stream or out.add_stream_from_template(video)
                    shift = round(repeat * _LOOP_S / video.time_base) if video.time_base else 0
                    for packet in source.demux(video):
                        if packet.dts is None or packet.pts is None:
                            continue
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        out.mux(packet)
        return path.read_bytes()


def _encode_loop(path: Path) -> None:
    portrait = skimage.data.astronaut()
    with av.open(str(path), mode="w") as out:
        stream = out.add_stream("libx264", rate=_FPS, options={"preset": "veryfast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(_LOOP_S * _FPS):
            x = 30 + round(30 * np.sin(2 * np.pi * index / (_LOOP_S * _FPS)))
            view = cv2.resize(portrait[0:253, x : x + 450], _SIZE)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, _FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


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
    parser.add_argument("what", choices=("stages", "memory"))
    parser.add_argument("--model-store", type=Path, default=Path("model_store"))
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    _console.print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, torch {torch.__version__}"
    )
    if arguments.what == "stages":
        stages(arguments.model_store, arguments.runs)
    else:
        memory(arguments.model_store)


if __name__ == "__main__":
    main()
