"""How fast clips are worked through: two pipelines by the book, ours, and what the machine allows.

    python benchmarks/bench.py                          30 s at 480p, 720p and 1080p
    python benchmarks/bench.py --sizes 720p --runs 1    a quick look

In one run on the same clips, in turn, so that a machine whose speed drifts does not decide:

- paper: the paper's pipeline as a competent researcher writes it (baselines.py)
- batched: its parts, made faster without changing them (baselines.py)
- ours: the pipeline that serves, in this process, in each precision that this CPU has
- HTTP: the same through TorchServe, from one client and from eight at once
- alone: decoding, detection and the engine one after the other, each with all cores
- floor: decoding and detection so, and the backbone's multiplications at the rate of the
  machine's matrix products (floor.py)

Weights are seeded; their values change no time.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from affect_core.checkpoint import load_checkpoint
from affect_core.faces import choose_detector
from affect_core.types import StageSeconds
from affect_serving.server import LocalServer
from baselines import batched, paper
from floor import Floor, floor_of, matrix_rates
from ours import InProcess, engine_alone_s, exported, over_http, precisions
from panning import SIZES, panning_clip
from served import machine, save

_CLIENTS: Final = 8
_PORT: Final = 19080
_SAMPLE_FPS: Final = 5
_STAGES: Final = ("decode", "detect", "backbone", "temporal", "total")
_console = Console(width=110)

Work = Callable[[], StageSeconds | float]
"""Does one clip; the seconds of its stages, or of one clip where they are not known."""


@dataclass
class Row:
    """One way to work through one clip."""

    way: str
    precision: str
    seconds: list[float] = field(default_factory=list)
    """Of each run, for one clip; with several clients their share of the whole."""
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Of the runs."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Case:
    """A clip of one size, and everything measured with it."""

    size: str
    clip_s: int
    rows: list[Row]
    floor: Floor
    matrix_gflops: dict[str, float]
    slowest_over_fastest: dict[str, float]
    """Of the clients that send at once, by precision."""


class Bench:
    """What every size shares: the model, our pipelines, and servers once asked for.

    Args:
        folder: for the checkpoint and the archives.
        http: whether to go through TorchServe, too.
    """

    def __init__(self, folder: Path, *, http: bool) -> None:
        self._folder = folder
        self._model = exported(folder)
        self._channels_last = copy.deepcopy(self._model)
        self._channels_last.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._lower = [name for name in precisions() if name != "float32"]
        self._ours = {name: InProcess(folder, name) for name in precisions()}
        self._http = http
        self._spread: dict[str, float] = {}

    def close(self) -> None:
        """Stop our pipelines."""
        for ours in self._ours.values():
            ours.close()

    def measure(self, size: str, clip_s: int, runs: int) -> Case:
        """Every way through one clip, `runs` times in turn."""
        clip, short = panning_clip(clip_s, size), panning_clip(10, size)
        path = self._folder / f"{size}.mp4"
        path.write_bytes(clip)
        spec = load_checkpoint(self._folder).spec.preprocess
        rates = matrix_rates()
        floor = floor_of(clip, spec, choose_detector(spec.detector).detect, rates)
        rows: list[tuple[Row, Work]] = [
            (Row("paper", "float32"), lambda: _timed(lambda: paper(path, self._model))),
            (Row("batched", "float32"), lambda: _timed(lambda: batched(path, self._channels_last))),
        ]
        for name, ours in self._ours.items():
            ours.run(short)
            rows.append((Row("ours", name), lambda ours=ours: ours.run(clip)))  # type: ignore[misc]
            crops = np.zeros((clip_s * _SAMPLE_FPS, spec.crop_size, spec.crop_size, 3), np.uint8)
            rows.append(
                (
                    Row("alone", name),
                    lambda name=name, crops=crops: (  # type: ignore[misc]
                        floor.decode_s + floor.detect_s + engine_alone_s(self._folder, name, crops)
                    ),
                )
            )
        with ExitStack() as servers:
            if self._http:
                rows += self._over_http(clip, short, servers)
            for _ in range(runs):
                for row, work in rows:
                    _add(row, work())
        return Case(size, clip_s, [row for row, _ in rows], floor, rates, dict(self._spread))

    def _over_http(self, clip: bytes, short: bytes, servers: ExitStack) -> list[tuple[Row, Work]]:
        rows: list[tuple[Row, Work]] = []
        for place, name in enumerate(self._lower):
            server = servers.enter_context(LocalServer(self._folder / name, _PORT + 10 * place))
            over_http(server.inference_url, short, 1)
            for clients in (1, _CLIENTS):

                def send(
                    url: str = server.inference_url, name: str = name, clients: int = clients
                ) -> float:
                    answered = over_http(url, clip, clients)
                    if clients > 1:
                        self._spread[name] = answered.slowest_over_fastest
                    return answered.seconds / clients

                rows.append((Row(f"HTTP, {clients} at once", name), send))
        return rows


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _add(row: Row, result: StageSeconds | float) -> None:
    if isinstance(result, StageSeconds):
        row.stages = asdict(result)
        row.seconds.append(result.total)
    else:
        row.seconds.append(result)


def show(case: Case) -> None:
    """Print a case's tables."""
    by_paper = next(row.median for row in case.rows if row.way == "paper")
    table = Table(title=f"{case.clip_s} s at {case.size}, one face, seconds a clip")
    for name in ("way", "precision", "seconds", "spread", "x paper", "real time", "of its floor"):
        table.add_column(name, justify="right")
    for row in case.rows:
        floor = case.floor.total_s(row.precision)
        table.add_row(
            row.way,
            row.precision,
            f"{row.median:.2f}",
            f"{min(row.seconds):.2f} to {max(row.seconds):.2f}",
            f"{by_paper / row.median:.1f}",
            f"{case.clip_s / row.median:.2f}",
            f"{floor / row.median:.0%}",
        )
    _console.print(table)
    parts = Table(title="stages of ours, and the floor, in seconds; stages overlap")
    for name in ("precision", *_STAGES):
        parts.add_column(name, justify="right")
    for row in case.rows:
        if row.stages:
            parts.add_row(row.precision, *(f"{row.stages[name]:.2f}" for name in _STAGES))
    for precision, seconds in case.floor.backbone_s.items():
        parts.add_row(
            f"floor {precision}",
            f"{case.floor.decode_s:.2f}",
            f"{case.floor.detect_s:.2f}",
            f"{seconds:.2f}",
            "",
            f"{case.floor.total_s(precision):.2f}",
        )
    _console.print(parts)
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in case.matrix_gflops.items())
    spread = ", ".join(f"{name} {ratio:.2f}" for name, ratio in case.slowest_over_fastest.items())
    _console.print(f"matrix products: {rates} GFLOP/s")
    _console.print(f"slowest of {_CLIENTS} clients over the fastest: {spread or 'not measured'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the results there, too")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seconds", type=int, default=30, help="of clip, whole tens")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-http", action="store_true", help="leave TorchServe out")
    chosen = parser.parse_args(arguments)
    about = {**machine(), "affinity": len(os.sched_getaffinity(0))}
    _console.print(about)
    cases = []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), http=not chosen.no_http)
        for size in chosen.sizes:
            cases.append(bench.measure(size, chosen.seconds, chosen.runs))
            show(cases[-1])
        bench.close()
    save(chosen, {"machine": about, "cases": [asdict(case) for case in cases]})


if __name__ == "__main__":
    main()
