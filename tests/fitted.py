"""A small prepared set and recipes for the tests of training."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from affect_core.spec import PreprocessSpec
from affect_core.types import Image
from affect_training.dataset.index import COLUMNS, INTEGER_COLUMNS
from affect_training.dataset.info import INDEX_FILE, INFO_FILE, SHARDS_FOLDER, PreparedInfo
from affect_training.dataset.shards import ShardWriter, crop_key, encode_jpeg
from affect_training.fit.folders import StageResult
from affect_training.fit.history import COLUMNS as HISTORY_COLUMNS
from affect_training.fit.history import HISTORY_FILE
from affect_training.fit.losses import batch_loss
from affect_training.fit.module import AffectModule
from affect_training.fit.recipe import LossConfig, Recipe
from affect_training.fit.run import fit
from affect_training.networks.batch_norm import GlobalBatchNorm2d
from affect_training.networks.collectives import gathered
from affect_training.progress import Progress
from affect_training.ratings.types import Split
from watching import Watch

SIDE = 32
"""Pixels of the prepared crops."""


@dataclass(frozen=True)
class MadeTrack:
    """A track to be made: a sample for each letter, `r` rated, `u` not."""

    split: Split
    samples: str


TRACKS: Mapping[str, MadeTrack] = {
    "a": MadeTrack("train", "rrrrrrrrrrrruurrrrrr"),
    "b": MadeTrack("train", "rrrrrrr"),
    "c": MadeTrack("train", "uuu"),
    "d": MadeTrack("train", "rur"),
    "e": MadeTrack("validation", "rrrrru"),
    "f": MadeTrack("validation", "rrrrrrrrr"),
    "g": MadeTrack("test", "rrr"),
}


def make_prepared(folder: Path, tracks: Mapping[str, MadeTrack] = TRACKS, side: int = SIDE) -> Path:
    """As `affect-train prepare` leaves it, one clip and one shard for each track.

    A crop is noise whose brightness tells arousal and whose colour tells valence.
    """
    (folder / SHARDS_FOLDER).mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for ordinal, (name, track) in enumerate(tracks.items()):
        random = np.random.default_rng(ordinal)
        shard = f"shard-{ordinal:06d}.tar"
        with (folder / SHARDS_FOLDER / shard).open("wb") as file:
            writer = ShardWriter(file)
            for sample, letter in enumerate(track.samples):
                arousal, valence = random.uniform(-1, 1, 2)
                jpeg = encode_jpeg(_crop(random, side, arousal, valence))
                offset = writer.add(crop_key(ordinal, sample), jpeg, {"sample": sample})
                rated = letter == "r"
                rows.append(
                    {
                        "clip": f"{name}.mp4",
                        "subject": name,
                        "split": track.split,
                        "sample": sample,
                        "time_s": sample / 5,
                        "arousal": arousal if rated else np.nan,
                        "valence": valence if rated else np.nan,
                        "annotators": int(rated),
                        "track": 0,
                        "score": 0.9,
                        "box_x": 0.0,
                        "box_y": 0.0,
                        "box_width": float(side),
                        "box_height": float(side),
                        "shard": shard,
                        "offset": offset,
                        "size": len(jpeg),
                    }
                )
            writer.finish()
    index = pd.DataFrame(rows, columns=list(COLUMNS))
    index = index.astype(dict.fromkeys(INTEGER_COLUMNS, "Int64"))
    index.to_parquet(folder / INDEX_FILE, index=False)
    (folder / INFO_FILE).write_text(_info(side).model_dump_json())
    return folder


def _crop(random: np.random.Generator, side: int, arousal: float, valence: float) -> Image:
    colour = np.array([1 + valence / 2, 1.0, 1 - valence / 2]) * (90 + 50 * arousal)
    noise = random.normal(0, 10, (side, side, 3))
    return np.clip(colour + noise, 0, 255).astype(np.uint8)


def _info(side: int) -> PreparedInfo:
    return PreparedInfo(
        manifest="/labels.csv",
        manifest_sha256="ab" * 32,
        preprocess=PreprocessSpec(crop_size=side),
        jpeg_quality=95,
        gold="mean",
        rating_max_age_s=0.2,
        seed=0,
        test_fraction=0.2,
        validation_fraction=0.125,
        clips_per_shard=1,
        versions={},
    )


SMALL_LSTM: Mapping[str, Any] = {"kind": "lstm", "hidden_size": 8, "head_features": [4]}
SGD_MSE_CCC: Mapping[str, Any] = {
    # Adam turns roundings of gradients that are zero into steps of full length.
    "optimiser": {"name": "sgd", "learning_rate": 2e-4},
    "loss": {"mse": 1.0, "ccc": 0.5},
}


def frames_stage(**changes: Any) -> dict[str, Any]:
    """A short stage of single frames."""
    stage = {
        "kind": "frames",
        "name": "frames",
        "crop_size": SIDE,
        "batch_size": 4,
        "steps_per_epoch": 2,
        "max_epochs": 2,
    }
    return {**stage, **changes}


def sequences_stage(**changes: Any) -> dict[str, Any]:
    """A short stage of sequences over a frozen backbone."""
    stage = {
        "kind": "sequences",
        "name": "sequences",
        "crop_size": SIDE,
        "batch_size": 2,
        "steps": 5,
        "steps_per_epoch": 2,
        "max_epochs": 2,
        "views": 2,
    }
    return {**stage, **changes}


def recipe_of(*stages: Mapping[str, Any], **changes: Any) -> Recipe:
    """A recipe of a small timm network from random weights, unless `changes` says otherwise."""
    recipe = {
        "name": "small",
        "backbone": {"name": "resnet10t", "weights": "random"},
        "temporal": SMALL_LSTM,
        "stages": stages,
    }
    return Recipe.model_validate({**recipe, **changes})


def fit_small(
    recipe: Recipe,
    folder: Path,
    name: str,
    callbacks: Sequence[pl.Callback] = (),
    progress: Progress | None = None,
    *,
    frames: Path | None = None,
) -> list[StageResult]:
    """Train on `folder`/prepared; the run is `folder`/`name`/run, beside nobody else's."""
    return fit(
        recipe,
        folder / "prepared",
        folder / name / "run",
        frames_folder=frames,
        trained_on="nothing, for tests",
        cache=folder / "cache",
        progress=progress or Watch(),
        callbacks=callbacks,
    )


def histories(runs: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of each stage's history without the seconds, by the stage's folder."""
    found = {}
    for path in runs.rglob(HISTORY_FILE):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(tuple(row) == HISTORY_COLUMNS for row in rows)
        found[path.parent.name] = [{k: v for k, v in r.items() if k != "seconds"} for r in rows]
    return found


SMALL_RECIPE = recipe_of(
    frames_stage(),
    frames_stage(name="more"),
    sequences_stage(max_epochs=3),
    sequences_stage(name="joint", backbone="train", steps_per_epoch=1),
)
"""Every kind of stage, and two that share a backbone with other runs."""

KILLED = (
    ("frames", "validated", 0),
    ("frames", "batch", 1),
    ("more", "batch", 0),
    ("sequences", "saved", 1),
    ("sequences", "trained", 0),
    ("joint", "batch", 1),
)
"""Where a run of `SMALL_RECIPE` is killed, in the order in which it gets there."""

SHARED = recipe_of(
    frames_stage(batch_size=8, steps_per_epoch=20, max_epochs=1, **SGD_MSE_CCC),
    sequences_stage(batch_size=4, **SGD_MSE_CCC),
    sequences_stage(name="joint", batch_size=4, backbone="train", max_epochs=1, **SGD_MSE_CCC),
    backbone={"name": "vgg16", "weights": "random", "batch_norm": True},
)
"""For one process or two: batch norm, sequences of different lengths, both losses."""


STEADY = recipe_of(
    sequences_stage(
        batch_size=4,
        backbone="train",
        steps_per_epoch=20,
        max_epochs=1,
        optimiser={"name": "sgd", "learning_rate": 1e-4},
        loss={"mse": 1.0, "ccc": 1.0},
    ),
    backbone={"name": "vgg16", "weights": "random"},
)
"""Without batch norm, at the paper's learning rate: 20 steps do not multiply roundings."""


class Losses(pl.Callback):
    """Keeps the loss of every step."""

    def __init__(self) -> None:
        self.by_stage: dict[str, list[float]] = {}

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """As Lightning calls it."""
        assert isinstance(pl_module, AffectModule)
        losses = self.by_stage.setdefault(pl_module.stage.name, [])
        losses.append(float(outputs["loss"]))


class Uneven(nn.Module):
    """A convolution, global batch norm and a linear layer on items, some of which are empty."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            GlobalBatchNorm2d(6),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 2),
        )
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
        self.frames = torch.randn(8, 3, 6, 6, generator=generator)
        self.gold = torch.rand(8, 1, 2, generator=generator) * 2 - 1
        self.real = torch.tensor([[n not in {3, 5, 7}] for n in range(8)])

    def loss(self, rank: int, world: int) -> Tensor:
        """Of all processes' items, this one holding every `world`-th."""
        own = slice(rank, None, world)
        real = self.real[own]
        outputs = torch.zeros(len(real), 1, 2, dtype=self.frames.dtype)
        outputs[real] = torch.tanh(self.layers(self.frames[own][real[:, 0]]))
        config = LossConfig(mse=1, ccc=0.5)
        rows = (gathered(t) for t in (outputs, self.gold[own], real))
        return batch_loss(config, *rows)

    def gradients(self) -> list[float]:
        """All of them after `backward`, one after the other."""
        return [float(v) for p in self.parameters() if p.grad is not None for v in p.grad.flatten()]
