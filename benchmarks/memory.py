"""What a memory is worth: checkpoints over the same clips, whole and with frames spoilt.

    python benchmarks/memory.py clips/prepared weights frame/checkpoint

Every model sees the same spoilt crops of the test split's tracks, whole tracks from the initial
state, and is measured over all rated crops. Spoilt are, drawn anew for each track:

- noise: Gaussian, standard deviation 0.2 of white, in a third of the crops, singly;
- covered: a grey bar over the lower or the upper half, two crops long, about every eighth;
- dark: one crop in six at a tenth of its light.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from affect_core.checkpoint import load_checkpoint
from affect_core.model import AffectModel
from affect_core.temporal import AROUSAL, VALENCE
from affect_core.types import Image
from affect_training.dataset.prepared import PreparedSet, TrackRef, open_prepared
from affect_training.evaluate.metrics import score

Spoil = Callable[[Image, np.random.Generator], Image]

_SEED: Final = 20200921
_GREY: Final = 128


def whole(crops: Image, rng: np.random.Generator) -> Image:
    """As they are."""
    del rng
    return crops


def noise(crops: Image, rng: np.random.Generator) -> Image:
    """A third of the crops, singly."""
    spoilt = rng.random(len(crops)) < 1 / 3
    grain = rng.normal(0, 0.2 * 255, crops.shape) * spoilt[:, None, None, None]
    return np.clip(np.rint(crops + grain), 0, 255).astype(np.uint8)


def covered(crops: Image, rng: np.random.Generator) -> Image:
    """Half a face, two crops long."""
    crops, half = crops.copy(), crops.shape[1] // 2
    for start in np.flatnonzero(rng.random(len(crops)) < 1 / 8):
        rows = slice(half, None) if rng.random() < 0.5 else slice(0, half)
        crops[start : start + 2, rows] = _GREY
    return crops


def dark(crops: Image, rng: np.random.Generator) -> Image:
    """One in six."""
    spoilt = rng.random(len(crops)) < 1 / 6
    light = np.where(spoilt, 0.1, 1.0)[:, None, None, None]
    dimmed: Image = np.rint(crops * light).astype(np.uint8)
    return dimmed


_WAYS: Final[dict[str, Spoil]] = {
    "as they are": whole, "noise": noise, "covered": covered, "dark": dark,
}  # fmt: skip


def outputs(
    model: AffectModel, prepared: PreparedSet, tracks: Sequence[TrackRef], spoil: Spoil
) -> NDArray[np.float64]:
    """(crops of all tracks, 2): each track from the initial state."""
    rng, rows = np.random.default_rng(_SEED), []
    for track in tracks:
        crops = torch.from_numpy(spoil(prepared.read_crops(track, 0, len(track)), rng))
        features = model.features(crops)[None].float()
        mask = torch.ones((1, len(track)), dtype=torch.bool)
        rows.append(model.temporal(features, mask, model.temporal.initial_state(1))[0][0].double())
    return torch.cat(rows).numpy()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("checkpoint", type=Path, nargs="+")
    given = parser.parse_args()
    prepared = open_prepared(given.prepared)
    tracks = prepared.tracks("test")
    gold = np.empty((sum(map(len, tracks)), 2))
    gold[:, VALENCE] = np.concatenate([track.valence for track in tracks])
    gold[:, AROUSAL] = np.concatenate([track.arousal for track in tracks])
    rated = ~np.isnan(gold[:, VALENCE])
    table = Table("mean CCC", *_WAYS, title=f"{len(tracks)} tracks, {len(gold)} crops")
    with torch.inference_mode():
        for folder in given.checkpoint:
            checkpoint = load_checkpoint(folder)
            model = checkpoint.model.eval()
            found = []
            for spoil in _WAYS.values():
                predicted = outputs(model, prepared, tracks, spoil)
                found.append(score(predicted[rated], gold[rated]).mean)
            name = checkpoint.spec.architecture.name
            table.add_row(name, *(f"{mean.ccc:.3f}" for mean in found))
    Console().print(table)


if __name__ == "__main__":
    main()
