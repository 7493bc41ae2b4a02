"""One stage of a recipe: its network, its data, its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from affect_core.model import AffectModel
from affect_training.dataset.prepared import PreparedSet, TrackRef
from affect_training.errors import DataError
from affect_training.fit.augment import Augment
from affect_training.fit.data import (
    CropSource,
    Source,
    WindowDataset,
    training_loader,
    validation_loader,
)
from affect_training.fit.features import FeatureSource, View, computed_features
from affect_training.fit.module import AffectModule
from affect_training.fit.networks import (
    FeatureNetwork,
    FrameNetwork,
    SequenceNetwork,
    StageNetwork,
)
from affect_training.fit.recipe import FramesStage, Recipe, SequencesStage, Stage
from affect_training.fit.trainer import Outcome, Surroundings, train_stage
from affect_training.fit.windows import WindowBatches, frame_slots, sequence_slots
from affect_training.networks.growth import deepen, shallow

FEATURES_FOLDER: Final = "features"
_VALIDATION_CROPS: Final = 256
"""Crops of whole tracks that are validated together."""


@dataclass(frozen=True, slots=True)
class StageData:
    """The tracks that stages learn from and are validated on."""

    prepared: PreparedSet
    train: Sequence[TrackRef]
    validation: Sequence[TrackRef]

    @classmethod
    def of(cls, prepared: PreparedSet) -> StageData:
        """A set's tracks.

        Raises:
            DataError: a split has nothing to learn from.
        """
        return cls(prepared, prepared.tracks("train"), prepared.tracks("validation"))

    def __post_init__(self) -> None:
        for name, tracks in (("train", self.train), ("validation", self.validation)):
            if not any((~np.isnan(track.arousal)).any() for track in tracks):
                raise DataError(
                    f"{self.prepared.folder} has no rated face in its {name} split: prepare more "
                    "subjects, or name the splits in the manifest."
                )


@dataclass(frozen=True, slots=True)
class Session:
    """What all stages of a run share.

    `frames` is what stages of frames read, `sequences` what the others do. `channels` are those
    of the backbone's features.
    """

    recipe: Recipe
    frames: StageData
    sequences: StageData
    folder: Path
    channels: int
    surroundings: Surroundings

    def data_of(self, stage: Stage) -> StageData:
        """What a stage reads."""
        return self.frames if isinstance(stage, FramesStage) else self.sequences


def run_stage(number: int, model: AffectModel, session: Session, folder: Path) -> Outcome:
    """Train one stage; `model` holds its best weights afterwards.

    Args:
        number: its position in the recipe, from 0.
        model: with the weights of the stages before.
        session: the run's.
        folder: for the stage's checkpoints and logs.
    """
    recipe, processes = session.recipe, session.surroundings.processes
    stage = recipe.stages[number]
    data = session.data_of(stage)
    seed = int(np.random.default_rng((recipe.seed, number)).integers(2**31))
    # Not from where the stages before have left the generator: they may have been skipped.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _grow(number, model, recipe)
        network = _network(number, model, session)
    train, validation = _sources(stage, seed, model, session)
    if isinstance(stage, FramesStage):
        steps, slots = 1, frame_slots(data.train)
    else:
        steps, slots = stage.steps, sequence_slots(data.train, stage.steps)
    batches = WindowBatches(
        slots,
        seed=seed,
        batch_size=stage.batch_size,
        steps_per_epoch=stage.steps_per_epoch,
        rank=processes.rank,
        world=processes.world,
    )
    return train_stage(
        AffectModule(network.train(), stage),
        training_loader(WindowDataset(train, data.train), batches, steps, recipe.workers),
        validation_loader(
            validation, data.validation, _VALIDATION_CROPS, processes.rank, processes.world
        ),
        folder,
        seed=seed,
        surroundings=session.surroundings,
    )


def _grow(number: int, model: AffectModel, recipe: Recipe) -> None:
    """Add the layers that this stage has and the one before had not."""
    if number == 0:
        return
    before, after = recipe.depths[number - 1 : number + 1]
    if before is not None and after is not None and isinstance(model.backbone, nn.Sequential):
        deepen(model.backbone, before, after, torch.default_generator)


def _network(number: int, model: AffectModel, session: Session) -> StageNetwork:
    """What learns in this stage; the rest of the model is frozen."""
    stage, depth = session.recipe.stages[number], session.recipe.depths[number]
    trains_backbone = isinstance(stage, FramesStage) or stage.backbone == "train"
    model.backbone.requires_grad_(trains_backbone)
    model.temporal.requires_grad_(isinstance(stage, SequencesStage))
    if isinstance(stage, FramesStage):
        backbone = model.backbone
        if isinstance(backbone, nn.Sequential) and depth is not None:
            backbone = shallow(backbone, depth)
        return FrameNetwork(model, backbone, session.channels)
    return SequenceNetwork(model) if trains_backbone else FeatureNetwork(model.temporal)


def _sources(
    stage: Stage, seed: int, model: AffectModel, session: Session
) -> tuple[Source, Source]:
    """Where training and validation read from."""
    data = session.data_of(stage)
    if isinstance(stage, FramesStage) or stage.backbone == "train":
        augment = None if stage.augment is None else Augment(stage.augment)
        return (
            CropSource(data.prepared, data.train, stage.crop_size, augment),
            CropSource(data.prepared, data.validation, stage.crop_size, None),
        )
    processes, progress = session.surroundings.processes, session.surroundings.progress
    model.to(processes.device).eval()
    precision = session.surroundings.precision
    size = stage.crop_size
    # Validation sees what will be served: whole crops in full precision.
    views = [View(data.prepared, data.validation, size, None, seed, "32-true")]
    views += [
        View(data.prepared, data.train, size, stage.augment, seed + number, precision)
        for number in range(stage.views)
    ]
    with processes.first_before_others():
        validation, *train = [
            computed_features(
                view,
                model,
                session.folder.parent / FEATURES_FOLDER,
                progress(f"{stage.name}: features {place} of {len(views)}"),
            )
            for place, view in enumerate(views, 1)
        ]
    return FeatureSource(train, data.train), FeatureSource([validation], data.validation)
