"""Our pipeline as the benchmarks run it: in this process, and through TorchServe."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affect_client import AffectClient, RetryPolicy, Timeouts
from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.engine_plan import PLAN_FILE, CpuPrecision, EnginePlan, read_plan
from affect_core.engines import DeviceChoice, build_engine
from affect_core.events import ClipDone, ClipJob
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.model import AffectModel
from affect_core.openvino_engine import native_precisions
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime, share_cores
from affect_core.types import FaceChoice, Image, Sampling, StageSeconds
from affect_serving.settings import ServingSettings
from affect_training.calibrate import plan_engines, stand_in_crops
from affect_training.card import model_card
from affect_training.export import export_archive
from affect_training.initial import BackboneWeights, initial_model

CHUNK = 8
"""Crops a call, as the runtime takes on CPUs."""


def precisions() -> list[CpuPrecision]:
    """What this CPU has instructions for, the most precise first."""
    known: tuple[CpuPrecision, ...] = ("float32", "bfloat16", "int8")
    found = native_precisions()
    return [precision for precision in known if precision in found]


def exported(folder: Path) -> AffectModel:
    """An untrained VGG19-ConvLSTM as a checkpoint in `folder`, and archives by precision below.

    The archives are in `folder / precision`; each has ways to every precision.
    """
    model, spec = initial_model(BackboneWeights.SEEDED, folder, lambda done, total: None)
    crops = stand_in_crops(spec.preprocess.crop_size)
    tried = [plan_engines(model, crops, precision) for precision in precisions()]
    checks = tuple(check for plan in tried for check in plan.checks)
    save_checkpoint(folder, model, spec)
    for planned in tried:
        plan = EnginePlan(
            weights_sha256=planned.weights_sha256,
            cpu=planned.cpu,
            checks=checks,
            int8_ranges=tried[-1].int8_ranges,
        )
        export_archive(model, spec, model_card(spec, None, plan), folder / plan.cpu, plan)
    (folder / PLAN_FILE).write_text(plan.model_dump_json(), encoding="utf-8")
    return model


class InProcess:
    """The serving pipeline in one precision.

    Args:
        folder: of the checkpoint and its plan.
        precision: one that the plan allows.
    """

    def __init__(self, folder: Path, precision: CpuPrecision) -> None:
        checkpoint = load_checkpoint(folder)
        plan = read_plan(folder, checkpoint.weights_sha256)
        choice = DeviceChoice.for_serving(None, plan, precision)
        share_cores(choice)
        preprocess = checkpoint.spec.preprocess
        detect = choose_detector(preprocess.detector).detect
        threads = ServingSettings().front_end_threads
        runtime = Runtime(checkpoint, choice, plan)
        self._pipeline = AffectPipeline(runtime, detect, preprocess, Limits(), threads)

    def run(self, clip: bytes, faces: FaceChoice = "primary") -> StageSeconds:
        """Work through a clip; the seconds of its stages."""
        for event in self._pipeline.events([ClipJob(clip, Sampling(faces=faces))]):
            if isinstance(event, ClipDone):
                return event.seconds
        raise RuntimeError("the clip failed")

    def close(self) -> None:
        """Stop its threads."""
        self._pipeline.close()


def engine_alone_s(folder: Path, precision: CpuPrecision, crops: Image) -> float:
    """Seconds that the engine takes for crops (N, S, S, 3) when nothing else runs."""
    checkpoint = load_checkpoint(folder)
    plan = read_plan(folder, checkpoint.weights_sha256)
    choice = DeviceChoice.for_serving(None, plan, precision)
    engine = build_engine(checkpoint.model, choice, plan)
    pieces = np.split(crops, range(CHUNK, len(crops), CHUNK))
    engine(pieces[0])
    engine(pieces[-1])
    started = time.perf_counter()
    for piece in pieces:
        engine(piece)
    return time.perf_counter() - started


@dataclass(frozen=True)
class Answered:
    """Clients that send one clip each at the same moment."""

    seconds: float
    """Until the last has its answer."""
    slowest_over_fastest: float


def over_http(url: str, clip: bytes, clients: int) -> Answered:
    """Send a clip from so many clients at once, and wait for every answer."""
    patient = Timeouts(read_s=3600, answer_s=3600)
    with (
        AffectClient(base_url=url, retries=RetryPolicy(max_retries=0), timeouts=patient) as client,
        ThreadPoolExecutor(clients) as pool,
    ):
        started = time.perf_counter()

        def one(_: int) -> float:
            client.predict(clip)
            return time.perf_counter() - started

        taken = list(pool.map(one, range(clients)))
    return Answered(max(taken), max(taken) / min(taken))
