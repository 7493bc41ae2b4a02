"""Train VGG19-ConvLSTM end to end on a large synthetic set, on a GPU, and measure how fast.

    python benchmarks/gpu_training.py FOLDER [--people 1700 --seconds 12]

Renders, prepares, trains `training/configs/gpu-vgg19-convlstm.yaml`, evaluates on people that
training never saw, and prints one JSON object last. Called again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode

from affect_core.checkpoint import load_checkpoint
from affect_core.spec import PreprocessSpec
from affect_training.commands.bars import bars
from affect_training.comparison import measure_run
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.fit.history import HISTORY_FILE
from affect_training.fit.recipe import Recipe, SequencesStage, read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER, fit
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set

RECIPE = Path(__file__).parents[1] / "training" / "configs" / "gpu-vgg19-convlstm.yaml"


def peak_flops(device: torch.device, size: int = 8192, repeats: int = 30) -> float:
    """FLOP/s of a large bf16 matrix product: what the card gives at best."""
    left = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    right = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    for _ in range(5):
        left @ right
    torch.cuda.synchronize(device)
    started = time.perf_counter()
    for _ in range(repeats):
        left @ right
    torch.cuda.synchronize(device)
    return 2 * size**3 * repeats / (time.perf_counter() - started)


def training_flops(checkpoint: Path, crop_size: int) -> int:
    """FLOP of one crop's step, forward and backward: three times the forward convolutions."""
    model = load_checkpoint(checkpoint).model
    with FlopCounterMode(display=False) as counter:
        model.features(torch.zeros(1, crop_size, crop_size, 3, dtype=torch.uint8))
    return 3 * int(counter.get_total_flops())


def stage_rates(recipe: Recipe, runs: Path, run: Path) -> dict[str, float]:
    """Crops a second of each stage's last epoch, validation included."""
    rates = {}
    for number, stage in enumerate(recipe.stages):
        name = f"{number}-{stage.name}"
        (log,) = [
            *run.glob(f"{name}/{HISTORY_FILE}"),
            *runs.glob(f"backbones/*/{name}/{HISTORY_FILE}"),
        ]
        with log.open(newline="", encoding="utf-8") as file:
            seconds = float(list(csv.DictReader(file))[-1]["seconds"])
        steps = stage.steps if isinstance(stage, SequencesStage) else 1
        rates[stage.name] = stage.batch_size * stage.steps_per_epoch * steps / seconds
    return rates


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=1700)
    parser.add_argument("--seconds", type=float, default=12.0)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("No GPU here.")
    folder: Path = options.folder
    recipe = read_recipe(RECIPE)
    crop_size = recipe.stages[-1].crop_size
    workers = os.cpu_count() or 1
    report: dict[str, Any] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    with bars(Console(stderr=True)) as progress:
        started = time.perf_counter()
        config = SynthConfig(people=options.people, clips_per_person=1, seconds=options.seconds)
        manifest = generate_set(config, folder / "clips", workers, progress("clips"))
        rendered = time.perf_counter()
        spec = PreprocessSpec(crop_size=crop_size)
        prepared = folder / "prepared"
        prepare(manifest, prepared, PrepareOptions(preprocess=spec), workers, progress("prepared"))
        cut = time.perf_counter()
        run = folder / "runs" / recipe.name
        trained_on = f"{config.name}: {config.people} rendered people, seed {config.seed}"
        fit(recipe, prepared, run, trained_on=trained_on, cache=folder, progress=progress)
        fitted = time.perf_counter()
        metrics = measure_run(run, prepared, "test", progress=progress)
    frames = config.clips * config.frames_per_clip
    peak = peak_flops(torch.device("cuda"))
    rates = stage_rates(recipe, run.parent, run)
    flops = training_flops(run / CHECKPOINT_FOLDER, crop_size)
    report |= {
        "frames": frames,
        "people": config.people,
        "seconds": {
            "render": round(rendered - started, 1),
            "prepare": round(cut - rendered, 1),
            "fit": round(fitted - cut, 1),
            "evaluate": round(time.perf_counter() - fitted, 1),
        },
        "crops_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "peak_bf16_tflops": round(peak / 1e12, 1),
        "share_of_peak_end_to_end": round(rates[recipe.stages[-1].name] * flops / peak, 3),
        "ccc": {
            "valence": metrics.valence.ccc.value,
            "arousal": metrics.arousal.ccc.value,
            "mean": metrics.mean.ccc.value,
        },
    }
    print(json.dumps(report, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
