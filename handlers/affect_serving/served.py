"""An archive's model on this worker's device, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from affect_client import wire
from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.contents import check_folder
from affect_core.drift import OutputReference, read_reference
from affect_core.engine_plan import read_plan
from affect_core.engines import DeviceChoice
from affect_core.faces import DetectorChoice, FaceDetector, choose_detector
from affect_core.runtime import Runtime, share_cores
from affect_core.spec import PreprocessSpec
from affect_serving.settings import ServingSettings

_PACKAGES = ("affectline", "torch", "torchserve", "av", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What answers are made with and what they say of it."""

    name: str
    """In TorchServe's paths."""
    runtime: Runtime
    detect: FaceDetector
    preprocess: PreprocessSpec
    info: wire.ModelInfo
    description: wire.ModelDescription
    reference: OutputReference | None
    """How its outputs spread in its evaluation, where the archive says so."""

    @classmethod
    def load(cls, context: Any, settings: ServingSettings) -> ServedModel:
        """From TorchServe's context: the archive's folder and the worker's GPU.

        Raises:
            SpecError: the archive is damaged or asks for what this version cannot honour, or the
                precision that the operator wants is not to be had.
            DetectorUnavailableError: the detector cannot run here.
        """
        properties = context.system_properties
        gpu = properties.get("gpu_id")
        folder = Path(properties["model_dir"])
        check_folder(folder)
        checkpoint = load_checkpoint(folder)
        plan = read_plan(folder, checkpoint.weights_sha256)
        device = DeviceChoice.for_serving(
            None if gpu is None else int(gpu), plan, settings.precision, settings.threads
        )
        share_cores(device)
        preprocess = checkpoint.spec.preprocess
        detector = choose_detector(settings.detector or preprocess.detector, settings.yunet_model)
        info = _info(checkpoint)
        return cls(
            context.model_name,
            Runtime(checkpoint, device, plan),
            detector.detect,
            preprocess,
            info,
            _describe(info, device, detector, preprocess),
            read_reference(folder, checkpoint.weights_sha256),
        )


def _info(checkpoint: Checkpoint) -> wire.ModelInfo:
    spec = checkpoint.spec
    return wire.ModelInfo(
        name=spec.name,
        version=spec.version,
        architecture=spec.architecture.name,
        weights=f"sha256:{checkpoint.weights_sha256}",
        trained_on=spec.provenance.trained_on,
    )


def _describe(
    info: wire.ModelInfo,
    device: DeviceChoice,
    detector: DetectorChoice,
    preprocess: PreprocessSpec,
) -> wire.ModelDescription:
    return wire.ModelDescription(
        model=info,
        device=str(device.device),
        precision=device.precision,
        detector=wire.Detector(name=detector.name, fallback_reason=detector.fallback_reason),
        sample_fps=preprocess.sample_fps,
        versions={name: version(name) for name in _PACKAGES},
    )
