"""A whole recipe: stage after stage, and a checkpoint that serves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytorch_lightning as pl
import torch
from torch import nn

from affect_core.checkpoint import WEIGHTS_FILE, checkpoint_files, load_checkpoint
from affect_core.errors import SpecError
from affect_core.model import AffectModel, build_temporal, seed_temporal
from affect_core.spec import ArchitectureSpec, ModelSpec, Provenance
from affect_core.temporal import FeatureShape
from affect_training.dataset.lock import only_run
from affect_training.dataset.prepared import open_prepared
from affect_training.fit.checks import check_sets
from affect_training.fit.folders import (
    RunDescription,
    RunResult,
    StageResult,
    claim,
    finish_run,
    finish_stage,
    finished_run,
    finished_stage,
    stage_folder,
)
from affect_training.fit.precision import precision_here
from affect_training.fit.processes import Processes
from affect_training.fit.recipe import Recipe, Stage
from affect_training.fit.stages import Session, StageData, run_stage
from affect_training.fit.trainer import Surroundings
from affect_training.networks.backbones import (
    across_processes,
    build_backbone,
    check_servable,
    served_backbone,
    shape_of,
)
from affect_training.progress import Progress
from affect_training.ratings.disk import replacing

CHECKPOINT_FOLDER: Final = "checkpoint"
_LOCK_FILE: Final = "lock"
_LIBRARIES: Final = ("affectline", "torch", "torchvision", "pytorch-lightning")


def fit(
    recipe: Recipe,
    prepared_folder: Path,
    run: Path,
    *,
    frames_folder: Path | None = None,
    trained_on: str,
    cache: Path,
    progress: Progress,
    callbacks: Sequence[pl.Callback] = (),
) -> list[StageResult]:
    """Train a recipe; `run/checkpoint` then serves, evaluates and exports.

    The same call goes on where an interrupted one stopped, and does nothing after the end.
    Runs beside each other share the stages that train a backbone, where recipe and data agree
    so far, and the features of frozen backbones: `backbones` and `features` beside `run`.

    Args:
        recipe: what to train.
        prepared_folder: made by `affect-train prepare`.
        run: folder of the run: checkpoints, logs, the recipe.
        frames_folder: a prepared set for the stages of frames; None: they read the same.
        trained_on: shown to users in every answer of the model.
        cache: where published weights are kept.
        progress: told of each epoch and of what is computed or downloaded before it.
        callbacks: for Lightning's trainer.

    Returns:
        Each stage's best validation CCC and epochs.

    Raises:
        TrainingError: recipe and data do not fit, the folder is another run's, or the disk is
            full.
    """
    prepared = open_prepared(prepared_folder)
    frames = prepared if frames_folder is None else open_prepared(frames_folder)
    check_sets(recipe, prepared, frames)
    processes = Processes.of_environment()
    described = RunDescription(
        recipe=recipe,
        index_sha256=prepared.index_sha256,
        frames_index_sha256=frames.index_sha256,
        preprocess=prepared.info.preprocess,
        trained_on=trained_on,
    )
    if processes.rank == 0:
        claim(run, described)
    processes.join()
    # The first may still be writing what it finished in a call before this one.
    processes.wait()
    known = _known_results(run, described)
    if known is not None:
        return known
    backbone = _backbone(recipe, cache, processes, progress)
    shape = _shape_served(recipe, backbone)
    temporal = build_temporal(recipe.temporal, shape)
    seed_temporal(temporal, torch.Generator().manual_seed(recipe.seed))
    model = AffectModel(backbone, temporal, described.preprocess)
    surroundings = Surroundings(precision_here(recipe.precision), processes, callbacks, progress)
    session = Session(
        recipe, StageData.of(frames), StageData.of(prepared), run, shape.channels, surroundings
    )
    results = [_stage(number, model, session, described) for number in range(len(recipe.stages))]
    if processes.rank == 0:
        digest = _save(model, described, run / CHECKPOINT_FOLDER)
        result = RunResult(described=described, stages=tuple(results), weights_sha256=digest)
        finish_run(run, result)
    return results


def _known_results(run: Path, described: RunDescription) -> list[StageResult] | None:
    """Of a run that was finished before and whose checkpoint is whole; else None."""
    known = finished_run(run)
    if known is None or known.described != described:
        return None
    try:
        checkpoint = load_checkpoint(run / CHECKPOINT_FOLDER)
    except SpecError:
        return None
    return list(known.stages) if checkpoint.weights_sha256 == known.weights_sha256 else None


def _backbone(recipe: Recipe, cache: Path, processes: Processes, progress: Progress) -> nn.Module:
    """The backbone as training begins, in all processes."""
    advance = progress("ImageNet weights")
    with processes.first_before_others():
        backbone = build_backbone(recipe.backbone, recipe.seed, cache, advance)
    backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if processes.world > 1:
        backbone = across_processes(recipe.backbone, backbone)
    check_servable(recipe.backbone, backbone, recipe.stages[-1].crop_size)
    return backbone


def _stage(
    number: int, model: AffectModel, session: Session, described: RunDescription
) -> StageResult:
    """Train a stage, or take up what it left when it was finished before."""
    processes = session.surroundings.processes
    stage = session.recipe.stages[number]
    folder = stage_folder(number, described, session.folder)
    learned = _learned(stage, model)
    known = finished_stage(folder, learned)
    if known is not None:
        return known
    with _alone(folder, processes):
        outcome = run_stage(number, model, session, folder)
        result = StageResult(stage=stage.name, val_ccc=outcome.val_ccc, epochs=outcome.epochs)
        model.cpu()
        # The others may still read what is cleared away.
        processes.wait()
        if processes.rank == 0:
            finish_stage(folder, learned, result)
    return result


def _alone(folder: Path, processes: Processes) -> AbstractContextManager[None]:
    """Keeps other runs out of a stage's folder, which they may share."""
    return only_run(folder / _LOCK_FILE) if processes.rank == 0 else nullcontext()


def _learned(stage: Stage, model: AffectModel) -> nn.Module:
    """What a stage changes: the backbone alone, or the model."""
    return model.backbone if stage.kind == "frames" else model


def _shape_served(recipe: Recipe, backbone: nn.Module) -> FeatureShape:
    """Of the last stage's crops, which are served. Those of every stage are tried.

    Raises:
        UnsupportedNetworkError: the backbone does not take a stage's crops.
    """
    return [shape_of(backbone, stage.crop_size) for stage in recipe.stages][-1]


def _save(model: AffectModel, described: RunDescription, folder: Path) -> str:
    """Keep the model as it serves: batch norm folded, other networks as graphs.

    Returns:
        The SHA-256 of its weights, in hex.

    Raises:
        DataError: it cannot be written.
    """
    recipe, preprocess = described.recipe, described.preprocess
    named, backbone = served_backbone(recipe.backbone, model.backbone, preprocess.crop_size)
    spec = ModelSpec(
        preprocess=preprocess,
        architecture=ArchitectureSpec(backbone=named, temporal=recipe.temporal),
        provenance=Provenance(
            trained_on=described.trained_on,
            versions={name: version(name) for name in _LIBRARIES},
        ),
    )
    files = checkpoint_files(AffectModel(backbone, model.temporal, preprocess), spec)
    for name, content in files.items():
        with replacing(folder / name) as file:
            file.write(content)
    return hashlib.sha256(files[WEIGHTS_FILE]).hexdigest()
