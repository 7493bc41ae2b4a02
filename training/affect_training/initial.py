"""A checkpoint to start from: published ImageNet weights where they can be had, else seeded.

Neither reads faces. The archive made from it works in every other respect, and says in each
answer what it learned from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Final

import httpx
import torch

from affect_core.checkpoint import sha256_of
from affect_core.model import AffectModel, seed_parameters
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance

_log = logging.getLogger(__name__)

IMAGENET_URL: Final = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
IMAGENET_SHA256_PREFIX: Final = "dcbb9e9d"
"""torchvision's VGG19_Weights.IMAGENET1K_V1; the file's name carries the digest's start."""

SEED: Final = 20200921
"""The day the paper came out."""

Progress = Callable[[int, int], None]
"""Called with bytes so far and in all."""


class BackboneWeights(str, Enum):
    """Where an untrained model's backbone comes from."""

    AUTO = "auto"
    IMAGENET = "imagenet"
    SEEDED = "seeded"


class DownloadError(Exception):
    """Published weights could not be had."""


def initial_model(
    weights: BackboneWeights,
    cache: Path,
    progress: Progress,
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
    file = None
    if weights is not BackboneWeights.SEEDED:
        try:
            file = _fetch(cache, progress)
        except DownloadError as error:
            if weights is BackboneWeights.IMAGENET:
                raise
            _log.warning("seeded weights instead of ImageNet's: %s", error)
    trained_on = (
        "Nothing: random weights. Arousal and valence mean nothing; train the model first."
        if file is None
        else "Backbone: ImageNet classification (torchvision IMAGENET1K_V1). Temporal model: "
        "random. Arousal and valence mean nothing; train the model first."
    )
    spec = ModelSpec(
        preprocess=preprocess,
        provenance=Provenance(
            trained_on=trained_on,
            versions={name: version(name) for name in ("affectline", "torch")},
        ),
    )
    model = AffectModel(spec)
    seed_parameters(model, SEED)
    if file is not None:
        state = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
        convolutions = {k: v for k, v in state.items() if k.startswith("features.")}
        model.backbone.load_state_dict(convolutions)
    return model.eval(), spec


def _fetch(cache: Path, progress: Progress) -> Path:
    """The ImageNet file, from the cache or downloaded into it; its digest is checked."""
    target = cache / IMAGENET_URL.rsplit("/", 1)[1]
    if target.is_file():
        if sha256_of(target).startswith(IMAGENET_SHA256_PREFIX):
            return target
        _log.warning("%s is damaged and is downloaded again", target)
    partial = target.with_suffix(".part")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        timeout = httpx.Timeout(30, connect=5)
        with (
            httpx.stream("GET", IMAGENET_URL, timeout=timeout, follow_redirects=True) as answer,
            partial.open("wb") as file,
        ):
            answer.raise_for_status()
            total = int(answer.headers.get("content-length", 0))
            done = 0
            for block in answer.iter_bytes(1 << 20):
                file.write(block)
                done += len(block)
                progress(done, total)
        if not sha256_of(partial).startswith(IMAGENET_SHA256_PREFIX):
            raise DownloadError(f"{IMAGENET_URL} did not arrive whole; try again.")
        partial.replace(target)
    except (httpx.HTTPError, OSError) as error:
        raise DownloadError(f"{IMAGENET_URL} cannot be downloaded ({error}).") from error
    finally:
        partial.unlink(missing_ok=True)
    return target
