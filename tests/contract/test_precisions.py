"""An archive that is served in fewer bits, in TorchServe's own context."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import clips
from affect_client import wire
from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.contents import write_contents
from affect_core.engine_plan import PLAN_FILE, CpuPrecision, EnginePlan
from affect_core.engines import DeviceChoice
from affect_core.errors import SpecError
from affect_core.events import ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.openvino_engine import native_precisions
from affect_core.pipeline import AffectPipeline
from affect_core.quantise import observe
from affect_core.runtime import Runtime
from affect_training.calibrate import stand_in_crops
from models import precision_check
from worker import build_context, initialised, post_together

Values = list[tuple[float, float]]


def planned(checkpoint: Checkpoint, precision: CpuPrecision) -> EnginePlan:
    batches = [torch.from_numpy(piece) for piece in stand_in_crops(32).to_find]
    ranges = observe(checkpoint.model.features, batches) if precision == "int8" else None
    return EnginePlan(
        weights_sha256=checkpoint.weights_sha256,
        cpu=precision,
        checks=(precision_check(precision),),
        int8_ranges=ranges,
    )


@pytest.fixture(params=sorted(native_precisions()))
def archive(request: pytest.FixtureRequest, unpacked: Path, tmp_path: Path) -> Path:
    """Unpacked, to be served in the precision."""
    folder = tmp_path / "unpacked"
    shutil.copytree(unpacked, folder)
    plan = planned(load_checkpoint(folder), request.param)
    (folder / PLAN_FILE).write_text(plan.model_dump_json(), encoding="utf-8")
    write_contents(folder)
    return folder


def served(handler: Any, context: Any, data: list[bytes]) -> list[Values]:
    responses = post_together(handler, context, [{"data": bytearray(one)} for one in data])
    answers = [wire.Prediction.model_validate_json(response.text) for response in responses]
    return [
        [(face.valence, face.arousal) for frame in answer.frames for face in frame.faces]
        for answer in answers
    ]


def test_numbers_are_the_pipelines_alone_and_in_company(archive: Path, small_store: Path) -> None:
    checkpoint = load_checkpoint(archive)
    plan = EnginePlan.model_validate_json((archive / PLAN_FILE).read_bytes())
    choice = DeviceChoice.for_serving(None, plan)
    assert (choice.precision, choice.engine) == (plan.cpu, "openvino")
    pipeline = AffectPipeline(
        Runtime(checkpoint, choice, plan),
        choose_detector("libfacedetection").detect,
        checkpoint.spec.preprocess,
        Limits(),
    )
    data = clips.portrait_pan()
    frames = [
        event.frame for event in pipeline.events([ClipJob(data)]) if isinstance(event, FrameDone)
    ]
    pipeline.close()
    expected = [(face.valence, face.arousal) for frame in frames for face in frame.faces]
    context = build_context(archive, small_store)
    handler = initialised(context)
    (told,) = post_together(handler, context, [{}], [{"describe": "True"}])
    assert wire.ModelDescription.model_validate_json(told.text).precision == plan.cpu
    (alone,) = served(handler, context, [data])
    together = served(handler, context, [clips.carphone(), data])[1]
    assert len(expected) == len(alone) == 10
    for got in (alone, together):
        for one, other in zip(got, expected, strict=True):
            assert one == pytest.approx(other, abs=1e-5)


def test_a_precision_that_was_not_checked_is_refused_with_what_to_do(
    unpacked: Path, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFECT_PRECISION", "int8")
    handler = importlib.import_module("affect_handler").AffectHandler()
    with pytest.raises(SpecError, match=r"int8 was not checked .* unset AFFECT_PRECISION"):
        handler.initialize(build_context(unpacked, small_store))
