"""A whole recipe: stage after stage, and a checkpoint that serves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytorch_lightning as pl
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.progress import Progress as Bar
from torch import nn

from affect_core.checkpoint import save_checkpoint
from affect_core.model import AffectModel, seed_temporal
from affect_core.spec import ArchitectureSpec, ModelSpec, Provenance
from affect_training.dataset.info import PreparedInfo
from affect_training.dataset.prepared import PreparedSet, open_prepared
from affect_training.errors import TrainingError
from affect_training.fit.processes import Processes
from affect_training.fit.recipe import Recipe, write_recipe
from affect_training.fit.stages import Session, StageData, run_stage
from affect_training.fit.trainer import Surroundings
from affect_training.networks.backbones import (
    build_backbone,
    served_backbone,
    spec_while_training,
)

CHECKPOINT_FOLDER: Final = "checkpoint"
RECIPE_FILE: Final = "recipe.yaml"
BACKBONES_FOLDER: Final = "backbones"
_RUN_FILE: Final = "run.json"
_DONE_FILE: Final = "done.json"
_WEIGHTS_FILE: Final = "weights.safetensors"
_LIBRARIES: Final = ("affectline", "torch", "torchvision", "pytorch-lightning")


class StageResult(BaseModel):
    """What a finished stage leaves beside its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    val_ccc: float
    epochs: int


class _Run(BaseModel):
    """What a run folder belongs to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    prepared: PreparedInfo
    trained_on: str


def fit(
    recipe: Recipe,
    prepared_folder: Path,
    run: Path,
    *,
    trained_on: str,
    cache: Path,
    callbacks: Sequence[pl.Callback] = (),
    bar: Bar | None = None,
) -> list[StageResult]:
    """Train a recipe; `run/checkpoint` then serves, evaluates and exports.

    The same call goes on where an interrupted one stopped, and does nothing after the end.
    Runs beside each other share the stages that train a backbone, where recipe and data agree
    so far, and the features of frozen backbones: `backbones` and `features` beside `run`.

    Args:
        recipe: what to train.
        prepared_folder: made by `affect-train prepare`.
        run: folder of the run: checkpoints, logs, the recipe.
        trained_on: shown to users in every answer of the model.
        cache: where published weights are kept.
        callbacks: for Lightning's trainer.
        bar: where progress is drawn.

    Returns:
        Each stage's best validation CCC and epochs.

    Raises:
        TrainingError: recipe and data do not fit, or the folder is another run's.
    """
    prepared = open_prepared(prepared_folder)
    _check_sizes(recipe, prepared)
    processes = Processes.of_environment()
    data = StageData(prepared, prepared.tracks("train"), prepared.tracks("validation"))
    session = Session(
        recipe,
        data,
        run,
        Surroundings(recipe.precision, processes, callbacks, bar is not None),
        bar,
    )
    if processes.rank == 0:
        _claim(run, _Run(recipe=recipe, prepared=prepared.info, trained_on=trained_on))
    torch.manual_seed(recipe.seed)
    with processes.joined():
        with processes.first_before_others():
            backbone = build_backbone(recipe.backbone, recipe.seed, cache, _silent)
        backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        results: list[StageResult] = []
        temporal: dict[str, torch.Tensor] | None = None
        for number, stage in enumerate(recipe.stages):
            spec = _spec(recipe, backbone, prepared, stage.crop_size, trained_on)
            model = AffectModel(spec, backbone)
            seed_temporal(model.temporal, torch.Generator().manual_seed(recipe.seed))
            if temporal is not None and _fits(model.temporal, temporal):
                model.temporal.load_state_dict(temporal)
            folder = _stage_folder(number, session)
            finished = _finished(folder, model)
            if finished is None:
                outcome = run_stage(number, model, spec, session, folder)
                finished = StageResult(
                    stage=stage.name, val_ccc=outcome.val_ccc, epochs=outcome.epochs
                )
                model.cpu()
                if processes.rank == 0:
                    _finish(folder, model, finished)
            results.append(finished)
            if stage.kind == "sequences":
                temporal = model.temporal.state_dict()
        if processes.rank == 0:
            _save(recipe, model, spec, run / CHECKPOINT_FOLDER)
    return results


def _stage_folder(number: int, session: Session) -> Path:
    """Where a stage keeps its logs and checkpoints.

    While no temporal model has been trained, what came before does not depend on it: the
    folder is named by what it does depend on and lies beside the runs.
    """
    recipe = session.recipe
    stages = recipe.stages[: number + 1]
    name = f"{number}-{stages[-1].name}"
    if any(stage.kind == "sequences" for stage in stages):
        return session.folder / name
    depends = {
        "backbone": recipe.backbone.model_dump(mode="json"),
        "seed": recipe.seed,
        "precision": recipe.precision,
        "stages": [stage.model_dump(mode="json") for stage in stages],
        "prepared": session.data.prepared.info.model_dump(mode="json"),
    }
    digest = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:12]
    return session.folder.parent / BACKBONES_FOLDER / f"{recipe.backbone.name}-{digest}" / name


def _finish(folder: Path, model: AffectModel, result: StageResult) -> None:
    safetensors.torch.save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()},
        folder / _WEIGHTS_FILE,
    )
    (folder / _DONE_FILE).write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for checkpoint in folder.glob("*.ckpt"):
        checkpoint.unlink()


def _finished(folder: Path, model: AffectModel) -> StageResult | None:
    """The result of a stage that was finished before, its weights loaded; else None."""
    done = folder / _DONE_FILE
    if not done.is_file():
        return None
    model.load_state_dict(safetensors.torch.load_file(folder / _WEIGHTS_FILE))
    return StageResult.model_validate_json(done.read_bytes())


def _silent(done: int, total: int) -> None:
    """No bar for a download that happens once."""


def _check_sizes(recipe: Recipe, prepared: PreparedSet) -> None:
    size = prepared.info.preprocess.crop_size
    for stage in recipe.stages:
        if stage.crop_size > size:
            raise TrainingError(
                f"Stage {stage.name} wants crops of {stage.crop_size} pixels and {prepared.folder} "
                f"has {size}: prepare with --crop-size {stage.crop_size}."
            )
    if recipe.stages[-1].crop_size != size:
        raise TrainingError(
            f"The last stage has crops of {recipe.stages[-1].crop_size} pixels and "
            f"{prepared.folder} has {size}. They must be equal: what is trained last is served."
        )


def _claim(run: Path, described: _Run) -> None:
    """Make the folder this run's, or see that it is."""
    path = run / _RUN_FILE
    if path.is_file():
        try:
            known = _Run.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise TrainingError(f"{path} is damaged; choose another --run folder.") from error
        if known != described:
            raise TrainingError(
                f"{run} holds another run ({known.recipe.name}): its recipe or data differ. "
                "Choose another --run folder."
            )
        return
    run.mkdir(parents=True, exist_ok=True)
    write_recipe(described.recipe, run / RECIPE_FILE)
    path.write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _spec(
    recipe: Recipe, backbone: nn.Module, prepared: PreparedSet, crop_size: int, trained_on: str
) -> ModelSpec:
    return ModelSpec(
        preprocess=prepared.info.preprocess.model_copy(update={"crop_size": crop_size}),
        architecture=ArchitectureSpec(
            backbone=spec_while_training(recipe.backbone, backbone, crop_size),
            temporal=recipe.temporal,
        ),
        provenance=Provenance(
            trained_on=trained_on, versions={name: version(name) for name in _LIBRARIES}
        ),
    )


def _fits(temporal: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    """Whether weights of another crop size have the shapes of this one."""
    return all(state[name].shape == value.shape for name, value in temporal.state_dict().items())


def _save(recipe: Recipe, model: AffectModel, spec: ModelSpec, folder: Path) -> None:
    """The model as it serves: batch norm folded, other networks as graphs."""
    named, module = served_backbone(recipe.backbone, model.backbone, spec.preprocess.crop_size)
    architecture = spec.architecture.model_copy(update={"backbone": named})
    served = AffectModel(spec.model_copy(update={"architecture": architecture}), module)
    served.temporal.load_state_dict(model.temporal.state_dict())
    save_checkpoint(folder, served, spec.model_copy(update={"architecture": architecture}))
