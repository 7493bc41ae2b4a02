"""Serving on a GPU, in one go and without Java: the backbone's rate, throughput, one clip's wait.

    python benchmarks/gpu.py --json gpu.json

Prints what the card does in bf16 matrix products and how near the backbone comes to it, how many
seconds of 720p video a second the whole pipeline takes with clips side by side, and how long a 10 s
clip alone takes. Without a GPU it says so and measures the processor, in float32.
Weights are seeded; their values change no time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.console import Console

from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.cores import available_cores
from affect_core.engines import DeviceChoice, TorchEngine
from affect_core.events import ClipDone, ClipJob
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_training.initial import BackboneWeights, initial_model
from floor import VGG19_GFLOP
from panning import panning_clip
from served import machine, save

_BATCHES: Final = (1, 8, 16, 32, 64, 128)
_MATRIX: Final = 8192
_CLIPS: Final = 8
_console = Console()


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median of some runs, after two that are not counted; to the end of the device's work."""
    taken = []
    for run in range(runs + 2):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if run >= 2:
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def matrix_tflops(choice: DeviceChoice) -> float:
    """Of large matrix products in the backbone's precision."""
    kinds = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    side = _MATRIX if choice.device.type == "cuda" else _MATRIX // 8
    values = torch.rand(side, side, device=choice.device)
    values = values.to(kinds.get(choice.precision, torch.float32))
    return 2 * side**3 / 1e12 / seconds(lambda: values @ values, 10)


def backbone_tflops(folder: Path, choice: DeviceChoice, batch: int, size: int) -> float:
    """Of the engine, with crops that come from and features that stay where they do in serving."""
    engine = TorchEngine(load_checkpoint(folder).model, choice)
    crops = np.zeros((batch, size, size, 3), np.uint8)
    return batch * VGG19_GFLOP / 1e3 / seconds(lambda: engine(crops), 10)


def work_through(pipeline: AffectPipeline, clips: list[bytes]) -> None:
    """All clips, side by side."""
    done = 0
    for event in pipeline.events([ClipJob(clip) for clip in clips]):
        done += isinstance(event, ClipDone)
    if done != len(clips):
        raise RuntimeError(f"{done} of {len(clips)} clips")


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the results there, too")
    parser.add_argument("--seconds", type=int, default=30, help="of each clip side by side")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    choice = DeviceChoice.of(0)
    name = torch.cuda.get_device_name() if choice.device.type == "cuda" else "no GPU"
    about = {**machine(), "device": name, "precision": choice.precision}
    _console.print(about)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, spec = initial_model(BackboneWeights.SEEDED, folder, lambda done, total: None)
        save_checkpoint(folder, model, spec)
        peak = matrix_tflops(choice)
        batches = _BATCHES if choice.device.type == "cuda" else _BATCHES[:2]
        size = spec.preprocess.crop_size
        rates = {batch: backbone_tflops(folder, choice, batch, size) for batch in batches}
        detect = choose_detector(spec.preprocess.detector).detect
        cores = max(2, available_cores())
        runtime = Runtime(load_checkpoint(folder), choice)
        pipeline = AffectPipeline(runtime, detect, spec.preprocess, Limits(), cores)
        clips = [panning_clip(chosen.seconds)] * _CLIPS
        together_s = seconds(lambda: work_through(pipeline, clips), max(1, chosen.runs // 2))
        short = panning_clip(10)
        alone_s = seconds(lambda: work_through(pipeline, [short]), chosen.runs)
        pipeline.close()
    results = {
        "matrix_tflops": peak,
        "backbone_tflops": rates,
        "best_share_of_matrix": max(rates.values()) / peak,
        "video_seconds_a_second": _CLIPS * chosen.seconds / together_s,
        "ten_second_clip_alone_p50_s": alone_s,
    }
    _console.print(results)
    save(chosen, {"machine": about, **results})


if __name__ == "__main__":
    main()
