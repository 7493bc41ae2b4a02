"""What a run keeps on disk, and where."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import safetensors.torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import nn

from affect_core.spec import PreprocessSpec
from affect_training.errors import TrainingError
from affect_training.fit.recipe import Recipe, write_recipe
from affect_training.ratings.disk import remove, replacing

RECIPE_FILE: Final = "recipe.yaml"
BACKBONES_FOLDER: Final = "backbones"
_RUN_FILE: Final = "run.json"
_DONE_FILE: Final = "done.json"
_WEIGHTS_FILE: Final = "weights.safetensors"


class StageResult(BaseModel):
    """What a finished stage leaves beside its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    val_ccc: float
    epochs: int


class RunDescription(BaseModel):
    """What a run folder belongs to. Nothing of where the data lie, so that they may be moved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    index_sha256: str = Field(description="Of the prepared set.")
    frames_index_sha256: str = Field(description="Of the one that stages of frames read.")
    preprocess: PreprocessSpec
    trained_on: str


class RunResult(BaseModel):
    """What a finished run leaves beside its checkpoint, last of all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    described: RunDescription
    stages: tuple[StageResult, ...]
    weights_sha256: str = Field(description="Of the checkpoint's weights.")


def claim(run: Path, described: RunDescription) -> None:
    """Make the folder this run's, or see that it is.

    Raises:
        TrainingError: it is another's.
    """
    path = run / _RUN_FILE
    if path.is_file():
        try:
            known = RunDescription.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise TrainingError(
                f"{path} is damaged or of another version: name another folder for this run."
            ) from error
        if known != described:
            raise TrainingError(
                f"{run} holds another run ({known.recipe.name}): its recipe, its data or what it "
                "says it was trained on differ. Name another folder for this run."
            )
        return
    write_recipe(described.recipe, run / RECIPE_FILE)
    _write(path, described)


def stage_folder(number: int, described: RunDescription, run: Path) -> Path:
    """Where a stage keeps its logs and checkpoints.

    While no temporal model has been trained, what came before does not depend on it: the
    folder is named by what it does depend on and lies beside the runs.
    """
    recipe = described.recipe
    stages = recipe.stages[: number + 1]
    name = f"{number}-{stages[-1].name}"
    if any(stage.kind == "sequences" for stage in stages):
        return run / name
    depends = {
        "backbone": recipe.backbone.model_dump(mode="json"),
        "seed": recipe.seed,
        "precision": recipe.precision,
        "stages": [stage.model_dump(mode="json") for stage in stages],
        "index": described.frames_index_sha256,
    }
    digest = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:12]
    return run.parent / BACKBONES_FOLDER / f"{recipe.backbone.name}-{digest}" / name


def finish_stage(folder: Path, learned: nn.Module, result: StageResult) -> None:
    """Keep a stage's weights and result; its training checkpoints are cleared away."""
    tensors = {name: value.contiguous() for name, value in learned.state_dict().items()}
    with replacing(folder / _WEIGHTS_FILE) as file:
        file.write(safetensors.torch.save(tensors))
    _write(folder / _DONE_FILE, result)
    for checkpoint in folder.glob("*.ckpt"):
        remove(checkpoint)


def finished_stage(folder: Path, learned: nn.Module) -> StageResult | None:
    """The result of a stage that was finished before, its weights loaded; else None."""
    done = folder / _DONE_FILE
    if not done.is_file():
        return None
    learned.load_state_dict(safetensors.torch.load_file(folder / _WEIGHTS_FILE))
    return StageResult.model_validate_json(done.read_bytes())


def finish_run(run: Path, result: RunResult) -> None:
    """Keep the result of a run whose checkpoint has been written."""
    _write(run / _DONE_FILE, result)


def finished_run(run: Path) -> RunResult | None:
    """The result of a run that was finished before, by this version; else None."""
    try:
        return RunResult.model_validate_json((run / _DONE_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write(path: Path, described: BaseModel) -> None:
    with replacing(path) as file:
        file.write(described.model_dump_json(indent=2).encode() + b"\n")
