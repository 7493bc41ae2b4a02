"""The same archive on a GPU. Run there with: pytest -m gpu"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import clips
from affect_core.checkpoint import load_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.events import ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime

HALF_TOLERANCE = 0.02
"""bf16 has 8 bits of mantissa; the temporal model and its tanh are float32."""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_in_half_precision_agrees_with_the_cpu_in_float32(unpacked: Path) -> None:
    values = []
    for choice in (DeviceChoice.of(None), DeviceChoice.of(0)):
        checkpoint = load_checkpoint(unpacked)
        runtime = Runtime(checkpoint, choice)
        pipeline = AffectPipeline(
            runtime,
            choose_detector("libfacedetection").detect,
            checkpoint.spec.preprocess,
            Limits(),
        )
        events = pipeline.events([ClipJob(clips.carphone()), ClipJob(clips.portrait_pan())])
        values.append(
            [
                (event.job, event.frame.index, face.arousal, face.valence)
                for event in events
                if isinstance(event, FrameDone)
                for face in event.frame.faces
            ]
        )
        pipeline.close()
    assert choice.precision in ("bfloat16", "float16")
    cpu, gpu = (sorted(one) for one in values)
    assert len(cpu) == len(gpu) == 30
    for (*key, arousal, valence), (*other, arousal_gpu, valence_gpu) in zip(cpu, gpu, strict=True):
        assert key == other
        assert arousal_gpu == pytest.approx(arousal, abs=HALF_TOLERANCE)
        assert valence_gpu == pytest.approx(valence, abs=HALF_TOLERANCE)


def test_without_a_gpu_the_model_runs_on_the_cpu_in_float32() -> None:
    assert DeviceChoice.of(None) == DeviceChoice(torch.device("cpu"), "float32")
    if not torch.cuda.is_available():
        assert DeviceChoice.of(0) == DeviceChoice.of(None)
