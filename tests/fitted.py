"""A small prepared set and recipes for the tests of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import clips
from affect_core.spec import PreprocessSpec
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.dataset.prepared import PreparedSet, open_prepared
from affect_training.fit.recipe import Recipe
from affect_training.ratings.types import Split
from rated import write_set

SIDE = 32
"""Pixels of the prepared crops."""

_CLIPS = {
    "car.mp4": clips.carphone,
    "pan.mp4": lambda: clips.portrait_pan(1.4),
    "short.mp4": lambda: clips.portrait_pan(0.6),
    "two.mp4": lambda: clips.two_faces(1.6),
    "wide.mp4": lambda: clips.portrait_pan(1.0, 480, 270),
}
_SPLITS: dict[str, Split] = {
    "car.mp4": "train",
    "pan.mp4": "train",
    "short.mp4": "validation",
    "two.mp4": "validation",
    "wide.mp4": "test",
}


def prepare_small(folder: Path) -> Path:
    """Tracks of 20 and 7 crops to train on, 3 and 8 to validate on; 5 of the 20 are unrated."""
    manifest = write_set(folder, {name: make() for name, make in _CLIPS.items()}, splits=_SPLITS)
    out = folder / "prepared"
    options = PrepareOptions(preprocess=PreprocessSpec(crop_size=SIDE))
    prepare(manifest, out, options, 1, lambda done, total: None)
    return out


def open_small(folder: Path) -> PreparedSet:
    """The set that `prepare_small` made in `folder`."""
    return open_prepared(folder / "prepared")


SMALL_LSTM: Mapping[str, Any] = {"kind": "lstm", "hidden_size": 8, "head_features": [4]}
SMALL_CONVLSTM: Mapping[str, Any] = {
    "hidden_channels": [4, 2],
    "kernel_size": 3,
    "head_features": [4],
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
