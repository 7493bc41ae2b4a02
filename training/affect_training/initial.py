"""A checkpoint to start from: published ImageNet weights where they can be had, else seeded.

Neither reads faces. The archive made from it works in every other respect, and says in each
answer what it learned from.
"""

from __future__ import annotations

import logging
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Final

from affect_core.model import AffectModel, build_model, seed_parameters
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance
from affect_core.vgg import VGG
from affect_training.networks.imagenet import DownloadError, load_imagenet
from affect_training.progress import Advance

_log = logging.getLogger(__name__)

SEED: Final = 20200921
"""The day the paper came out."""

_UNTRAINED: Final = (
    "Nothing: random weights. Arousal and valence mean nothing; train the model first."
)
_IMAGENET: Final = (
    "Backbone: ImageNet classification (torchvision IMAGENET1K_V1). Temporal model: random. "
    "Arousal and valence mean nothing; train the model first."
)


class BackboneWeights(str, Enum):
    """Where an untrained model's backbone comes from."""

    AUTO = "auto"
    IMAGENET = "imagenet"
    SEEDED = "seeded"


def initial_model(
    weights: BackboneWeights,
    cache: Path,
    progress: Advance,
    preprocess: PreprocessSpec | None = None,
) -> tuple[AffectModel, ModelSpec]:
    """An untrained model and the spec that says so.

    Args:
        weights: `AUTO` takes ImageNet's and falls back to seeded ones, with a warning.
        cache: folder where the download (548 MB) is kept; torch.hub's layout.
        progress: called while downloading.
        preprocess: instead of the default.

    Raises:
        DownloadError: `IMAGENET` and the file cannot be had.
    """
    preprocess = preprocess or PreprocessSpec()
    spec = _spec(preprocess, _UNTRAINED)
    model = build_model(spec)
    seed_parameters(model, SEED)
    backbone = model.backbone
    if weights is not BackboneWeights.SEEDED and isinstance(backbone, VGG):
        try:
            load_imagenet(backbone, 19, cache, progress)
            spec = _spec(preprocess, _IMAGENET)
        except DownloadError as error:
            if weights is BackboneWeights.IMAGENET:
                raise
            _log.warning("seeded weights instead of ImageNet's: %s", error)
    return model.eval(), spec


def _spec(preprocess: PreprocessSpec, trained_on: str) -> ModelSpec:
    return ModelSpec(
        preprocess=preprocess,
        provenance=Provenance(
            trained_on=trained_on,
            versions={name: version(name) for name in ("affectline", "torch")},
        ),
    )
