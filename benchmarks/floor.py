"""What a clip costs at least on this machine: decoding, detection and the model's arithmetic.

Each part alone with all cores; so their sum is what a pipeline without any loss would take.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import av
import cv2
import numpy as np
import psutil
import torch

from affect_core.decode import ClipReader
from affect_core.faces import FaceDetector, find_faces
from affect_core.limits import Deadline, Limits
from affect_core.spec import PreprocessSpec
from affect_core.types import Image, Sampling

VGG19_GFLOP: Final = 39.0
"""Of one 224-pixel frame through VGG19's convolutions, a multiplication and an addition as two."""
_MATRICES: Final = (512, 1024, 2048, 4096)
"""Sides; which is fastest depends on the precision and on the processor's caches."""
_RUNS: Final = 3


@dataclass(frozen=True)
class Floor:
    """Seconds of one clip's parts."""

    decode_s: float
    detect_s: float
    backbone_s: dict[str, float]
    """By precision."""

    def total_s(self, precision: str) -> float:
        """The sum for a precision."""
        return self.decode_s + self.detect_s + self.backbone_s[precision]


def matrix_rates() -> dict[str, float]:
    """GFLOP/s of matrix products in torch, by precision: of the sides tried, the fastest."""
    rates = {"float32": 0.0, "bfloat16": 0.0, "int8": 0.0}
    for side in _MATRICES:
        plain = torch.rand(side, side)
        half = plain.bfloat16()
        whole = torch.randint(-127, 127, (side, side), dtype=torch.int8)
        products: dict[str, Callable[[], object]] = {
            "float32": lambda a=plain: a @ a,  # type: ignore[misc]
            "bfloat16": lambda a=half: a @ a,  # type: ignore[misc]
            "int8": lambda a=whole: torch._int_mm(a, a),  # type: ignore[misc]  # noqa: SLF001
        }
        for name, product in products.items():
            rates[name] = max(rates[name], 2 * side**3 / 1e9 / _median_s(product))
    return rates


def floor_of(
    clip: bytes, spec: PreprocessSpec, detector: FaceDetector, rates: dict[str, float]
) -> Floor:
    """Measure a clip's floor.

    Args:
        clip: with one face in each sample.
        spec: rate and detector's size.
        detector: as the service uses it.
        rates: of `matrix_rates`.
    """
    images = _samples(clip, spec)
    small = [_scaled(image, spec.detector_long_side) for image in images]
    cores = len(psutil.Process().cpu_affinity())
    with ThreadPoolExecutor(cores) as pool:
        detect_s = _median_s(
            lambda: list(pool.map(lambda image: find_faces(detector, image, spec), small))
        )
    backbone = {name: len(images) * VGG19_GFLOP / rate for name, rate in rates.items()}
    return Floor(_median_s(lambda: _decode(clip)), detect_s, backbone)


def _decode(clip: bytes) -> None:
    """Decode every frame and look at none."""
    with av.open(io.BytesIO(clip), mode="r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def _samples(clip: bytes, spec: PreprocessSpec) -> list[Image]:
    limits = Limits()
    with ClipReader(clip, limits, Deadline(limits.max_wall_s)) as reader:
        return [sample.image for sample in reader.samples(Sampling(spec.sample_fps))]


def _scaled(image: Image, long_side: int) -> Image:
    scale = min(1.0, long_side / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _median_s(work: Callable[[], object]) -> float:
    """Seconds of the middle one of a few runs, after one that is not counted."""
    work()
    taken = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
