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
from affect_training.ratings.disk import replacing

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
    run.mkdir(parents=True, exist_ok=True)
    write_recipe(described.recipe, run / RECIPE_FILE)
    path.write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")


def stage_folder(number: int, recipe: Recipe, index_sha256: str, run: Path) -> Path:
    """Where a stage keeps its logs and checkpoints.

    While no temporal model has been trained, what came before does not depend on it: the
    folder is named by what it does depend on and lies beside the runs.
    """
    stages = recipe.stages[: number + 1]
    name = f"{number}-{stages[-1].name}"
    if any(stage.kind == "sequences" for stage in stages):
        return run / name
    depends = {
        "backbone": recipe.backbone.model_dump(mode="json"),
        "seed": recipe.seed,
        "precision": recipe.precision,
        "stages": [stage.model_dump(mode="json") for stage in stages],
        "index": index_sha256,
    }
    digest = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:12]
    return run.parent / BACKBONES_FOLDER / f"{recipe.backbone.name}-{digest}" / name


def finish_stage(folder: Path, learned: nn.Module, result: StageResult) -> None:
    """Keep a stage's weights and result; its training checkpoints are cleared away."""
    safetensors.torch.save_file(
        {name: value.contiguous() for name, value in learned.state_dict().items()},
        folder / _WEIGHTS_FILE,
    )
    partial = folder / f"{_DONE_FILE}.part"
    partial.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / _DONE_FILE)
    for checkpoint in folder.glob("*.ckpt"):
        checkpoint.unlink()


def finished_stage(folder: Path, learned: nn.Module) -> StageResult | None:
    """The result of a stage that was finished before, its weights loaded; else None."""
    done = folder / _DONE_FILE
    if not done.is_file():
        return None
    learned.load_state_dict(safetensors.torch.load_file(folder / _WEIGHTS_FILE))
    return StageResult.model_validate_json(done.read_bytes())


def finish_run(run: Path, result: RunResult) -> None:
    """Keep the result of a run whose checkpoint has been written."""
    with replacing(run / _DONE_FILE) as file:
        file.write(result.model_dump_json(indent=2).encode() + b"\n")


def finished_run(run: Path) -> RunResult | None:
    """The result of a run that was finished before, by this version; else None."""
    try:
        return RunResult.model_validate_json((run / _DONE_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
