"""How fast clips are worked through: two pipelines by the book, ours, and what the machine allows.

    python benchmarks/bench.py                          30 s at 480p, 720p and 1080p
    python benchmarks/bench.py --sizes 720p --runs 1    a quick look

In one run on the same clips, in turn, so that a machine whose speed drifts does not decide:

- paper: the paper's pipeline as a competent researcher writes it (baselines.py)
- batched: its parts, made faster without changing them (baselines.py)
- ours, in process: the pipeline that serves, in each precision that this CPU has
- ours, over HTTP: through TorchServe in bf16, from one client and from eight at once
- floor: decoding, detection and the backbone's multiplications, each alone (floor.py)

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import torch
from rich.console import Console
from rich.table import Table

from affect_client import AffectClient, RetryPolicy, Timeouts
from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.engine_plan import PLAN_FILE, CpuPrecision, EnginePlan, read_plan
from affect_core.engines import DeviceChoice
from affect_core.events import ClipDone, ClipJob
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.model import AffectModel
from affect_core.openvino_engine import native_precisions
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime, share_cores
from affect_core.types import StageSeconds
from affect_serving.server import LocalServer
from affect_training.calibrate import plan_engines, stand_in_crops
from affect_training.card import model_card
from affect_training.export import export_archive
from affect_training.initial import BackboneWeights, initial_model
from baselines import batched, paper
from floor import Floor, floor_of, matrix_rates
from panning import SIZES, panning_clip
from served import machine, save

_CLIENTS: Final = 8
_PORT: Final = 19080
_console = Console()


@dataclass(frozen=True)
class Row:
    """One way to work through one clip."""

    way: str
    precision: str
    seconds: list[float]
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


def plan_for_all(model: AffectModel, size: int) -> EnginePlan:
    """bf16 by default, and int8 for the asking, where this CPU has them."""
    crops = stand_in_crops(size)
    tried = [plan_engines(model, crops, precision) for precision in _lower_precisions()]
    return EnginePlan(
        weights_sha256=tried[0].weights_sha256,
        cpu=tried[0].cpu,
        checks=tuple(check for plan in tried for check in plan.checks),
        int8_ranges=tried[-1].int8_ranges,
    )


def _lower_precisions() -> list[CpuPrecision]:
    found = native_precisions()
    known: tuple[CpuPrecision, ...] = ("bfloat16", "int8")
    return [precision for precision in known if precision in found] or ["float32"]


def in_process(
    folder: Path, plan: EnginePlan, precision: CpuPrecision
) -> Callable[[bytes], StageSeconds]:
    """The serving pipeline in a precision: clip to the seconds of its stages."""
    checkpoint = load_checkpoint(folder)
    choice = DeviceChoice.for_serving(None, plan, precision)
    share_cores(choice)
    preprocess = checkpoint.spec.preprocess
    pipeline = AffectPipeline(
        Runtime(checkpoint, choice, plan),
        choose_detector(preprocess.detector).detect,
        preprocess,
        Limits(),
    )

    def run(clip: bytes) -> StageSeconds:
        for event in pipeline.events([ClipJob(clip)]):
            if isinstance(event, ClipDone):
                return event.seconds
        raise RuntimeError("the clip failed")

    return run


def over_http(url: str, clip: bytes, clients: int) -> tuple[float, float]:
    """Seconds a clip, from so many clients at once, and the slowest's share of the fastest's."""
    patient = Timeouts(read_s=1800, answer_s=1800)
    with (
        AffectClient(base_url=url, retries=RetryPolicy(max_retries=0), timeouts=patient) as client,
        ThreadPoolExecutor(clients) as pool,
    ):
        started = time.perf_counter()

        def one(_: int) -> float:
            client.predict(clip)
            return time.perf_counter() - started

        taken = list(pool.map(one, range(clients)))
    return max(taken) / clients, max(taken) / min(taken)


def measure(size: str, clip_s: int, runs: int, folder: Path, model: AffectModel) -> Case:
    """Everything but HTTP for one clip, in turn."""
    clip = panning_clip(clip_s, size)
    path = folder / f"{size}.mp4"
    path.write_bytes(clip)
    checkpoint = load_checkpoint(folder)
    spec, plan = checkpoint.spec, read_plan(folder, checkpoint.weights_sha256)
    rates = matrix_rates()
    floor = floor_of(clip, spec.preprocess, choose_detector(spec.preprocess.detector).detect, rates)
    precisions: list[CpuPrecision] = ["float32", *_lower_precisions()]
    ours = {name: in_process(folder, plan, name) for name in dict.fromkeys(precisions)}
    for run in ours.values():
        run(panning_clip(10, size))
    channels_last = copy.deepcopy(model)
    channels_last.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seconds: dict[tuple[str, str], list[float]] = {}
    stages: dict[str, StageSeconds] = {}
    for _ in range(runs):
        for way, work, layers in (("paper", paper, model), ("batched", batched, channels_last)):
            started = time.perf_counter()
            work(path, layers)
            seconds.setdefault((way, "float32"), []).append(time.perf_counter() - started)
        for precision, run in ours.items():
            started = time.perf_counter()
            stages[precision] = run(clip)
            seconds.setdefault(("ours", precision), []).append(time.perf_counter() - started)
    rows = [
        Row(way, precision, taken, asdict(stages[precision]) if way == "ours" else {})
        for (way, precision), taken in seconds.items()
    ]
    return Case(size, clip_s, rows, floor)


def measure_http(case: Case, runs: int, store: Path, plan: EnginePlan) -> float:
    """Add the rows over HTTP; the slowest client's time over the fastest's, of eight."""
    clip = panning_clip(case.clip_s, case.size)
    one, many, spread = [], [], 1.0
    with LocalServer(store, _PORT) as server:
        over_http(server.inference_url, panning_clip(10, case.size), 1)
        for _ in range(runs):
            one.append(over_http(server.inference_url, clip, 1)[0])
            each, spread = over_http(server.inference_url, clip, _CLIENTS)
            many.append(each)
    case.rows.append(Row("HTTP, 1 client", plan.cpu, one))
    case.rows.append(Row(f"HTTP, {_CLIENTS} clients", plan.cpu, many))
    return spread


def show(case: Case) -> None:
    """Print a case's table."""
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
    for name in ("precision", "decode", "detect", "backbone", "temporal", "total"):
        parts.add_column(name, justify="right")
    for row in case.rows:
        if row.stages:
            parts.add_row(row.precision, *(f"{seconds:.2f}" for seconds in row.stages.values()))
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


def exported(folder: Path) -> tuple[AffectModel, EnginePlan]:
    """An untrained VGG19-ConvLSTM as a checkpoint in `folder` and an archive below it."""
    model, spec = initial_model(BackboneWeights.SEEDED, folder, lambda done, total: None)
    plan = plan_for_all(model, spec.preprocess.crop_size)
    save_checkpoint(folder, model, spec)
    (folder / PLAN_FILE).write_text(plan.model_dump_json(), encoding="utf-8")
    export_archive(model, spec, model_card(spec, None, plan), folder / "store", plan)
    return model, plan


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
    cases, spreads = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, plan = exported(folder)
        for size in chosen.sizes:
            case = measure(size, chosen.seconds, chosen.runs, folder, model)
            if not chosen.no_http:
                spreads[size] = measure_http(case, chosen.runs, folder / "store", plan)
            show(case)
            cases.append(case)
    save(
        chosen,
        {
            "machine": about,
            "cases": [asdict(case) for case in cases],
            "slowest_of_eight_over_fastest": spreads,
        },
    )


if __name__ == "__main__":
    main()
