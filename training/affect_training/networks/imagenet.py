"""Published ImageNet weights of VGG11 to VGG19, downloaded once and checked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import torch

from affect_core.checkpoint import sha256_of
from affect_core.vgg import VGG, Depth
from affect_training.errors import TrainingError
from affect_training.progress import Advance

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """Where a file is, and the start of its SHA-256, which its name carries."""

    url: str
    sha256_prefix: str


PUBLISHED: Final[dict[Depth, Published]] = {
    11: Published("https://download.pytorch.org/models/vgg11-8a719046.pth", "8a719046"),
    13: Published("https://download.pytorch.org/models/vgg13-19584684.pth", "19584684"),
    16: Published("https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"),
    19: Published("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "dcbb9e9d"),
}
"""torchvision's VGG11_Weights.IMAGENET1K_V1 to VGG19_Weights.IMAGENET1K_V1."""


class DownloadError(TrainingError):
    """Published weights could not be had."""


def load_imagenet(backbone: VGG, depth: Depth, cache: Path, progress: Advance) -> None:
    """Fill `backbone` with torchvision's convolutions.

    Args:
        backbone: of this depth.
        depth: the backbone's.
        cache: folder where the download (about 550 MB) is kept; torch.hub's layout.
        progress: called while downloading.

    Raises:
        DownloadError: the file cannot be had.
    """
    file = _fetch(PUBLISHED[depth], cache, progress)
    state = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    backbone.load_state_dict({k: v for k, v in state.items() if k.startswith("features.")})


def _fetch(published: Published, cache: Path, progress: Advance) -> Path:
    """The file, from the cache or downloaded into it; its digest is checked."""
    target = cache / published.url.rsplit("/", 1)[1]
    if target.is_file():
        if sha256_of(target).startswith(published.sha256_prefix):
            return target
        _log.warning("%s is damaged and is downloaded again", target)
    partial = target.with_suffix(".part")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        timeout = httpx.Timeout(30, connect=5)
        with (
            httpx.stream("GET", published.url, timeout=timeout, follow_redirects=True) as answer,
            partial.open("wb") as file,
        ):
            answer.raise_for_status()
            total = int(answer.headers.get("content-length", 0))
            done = 0
            for block in answer.iter_bytes(1 << 20):
                file.write(block)
                done += len(block)
                progress(done, total)
        if not sha256_of(partial).startswith(published.sha256_prefix):
            raise DownloadError(f"{published.url} did not arrive whole; try again.")
        partial.replace(target)
    except (httpx.HTTPError, OSError) as error:
        raise DownloadError(f"{published.url} cannot be downloaded ({error}).") from error
    finally:
        partial.unlink(missing_ok=True)
    return target
