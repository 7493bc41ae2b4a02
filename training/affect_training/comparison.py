"""The paper's tables on one prepared set: every model trained by one recipe, then measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from affect_core.checkpoint import load_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.spec import ConvLSTMSpec, RecurrentSpec
from affect_core.vgg import DEPTHS
from affect_training.dataset.prepared import open_prepared
from affect_training.evaluate.measure import measure_checkpoint
from affect_training.evaluate.results import METRICS_FILE, RunMetrics, read_metrics
from affect_training.evaluate.tables import Which
from affect_training.fit.processes import Processes
from affect_training.fit.recipe import Recipe
from affect_training.fit.run import CHECKPOINT_FOLDER, fit
from affect_training.networks.backbones import BackboneConfig
from affect_training.progress import Progress
from affect_training.ratings.types import Split

Temporal = Literal["convlstm", "lstm", "gru"]


@dataclass(frozen=True, slots=True)
class Model:
    """One row of a table: a backbone by name and a temporal model."""

    backbone: str
    temporal: Temporal

    @property
    def name(self) -> str:
        """As runs are called."""
        return f"{self.backbone.replace('_', '-')}-{self.temporal}"


MODELS: Final[dict[Which, tuple[Model, ...]]] = {
    "table1": (
        Model("vgg16", "lstm"),
        Model("vgg19", "lstm"),
        Model("resnet34", "lstm"),
        Model("resnet50", "lstm"),
        Model("inception_v3", "lstm"),
        Model("vgg19", "convlstm"),
    ),
    "table2": (Model("vgg19", "lstm"), Model("vgg19", "gru"), Model("vgg19", "convlstm")),
}
"""What the paper compares (table 1), and temporal models over one backbone (table 2)."""


def recipe_for(model: Model, base: Recipe) -> Recipe:
    """The base recipe with another backbone and temporal model, all else equal.

    A network that cannot grow is whole from the first stage. The base's own temporal model is
    taken as it is; one of another kind has its default sizes.
    """
    if base.temporal.kind == model.temporal:
        temporal = base.temporal
    elif model.temporal == "convlstm":
        temporal = ConvLSTMSpec()
    else:
        temporal = RecurrentSpec(kind=model.temporal)
    backbone = BackboneConfig(
        name=model.backbone,
        weights=base.backbone.weights,
        batch_norm=base.backbone.batch_norm and model.backbone in DEPTHS,
    )
    # Built anew, so that what does not fit together is refused.
    return Recipe.model_validate(
        {
            **base.model_dump(),
            "name": model.name,
            "backbone": backbone.model_dump(),
            "temporal": temporal.model_dump(),
            "stages": [
                stage.model_dump(exclude=set() if backbone.batch_norm else {"depth"})
                for stage in base.stages
            ],
        }
    )


def run_comparison(
    which: Which,
    base: Recipe,
    prepared: Path,
    runs: Path,
    *,
    frames: Path | None,
    trained_on: str,
    cache: Path,
    progress: Progress,
    announce: Callable[[str], None],
) -> None:
    """Train and measure every model of a table; what is finished is not done again.

    Args:
        which: the table.
        base: the recipe that all share.
        prepared: made by `affect-train prepare`.
        runs: a folder for each model goes here.
        frames: a prepared set for stages of frames; None: they read `prepared`.
        trained_on: what the clips are.
        cache: where published weights are kept.
        progress: told of each piece of work.
        announce: called with each model's name as it begins.
    """
    for model in MODELS[which]:
        announce(model.name)
        run = runs / model.name
        fit(
            recipe_for(model, base),
            prepared,
            run,
            frames_folder=frames,
            trained_on=trained_on,
            cache=cache,
            progress=progress,
        )
        if Processes.of_environment().rank == 0:
            measure_run(run, prepared, "test", progress=progress)


def measure_run(run: Path, prepared: Path, split: Split, *, progress: Progress) -> RunMetrics:
    """A run's metrics on a split, from `metrics.json` if this checkpoint was measured."""
    checkpoint = load_checkpoint(run / CHECKPOINT_FOLDER)
    if (run / METRICS_FILE).is_file():
        known = read_metrics(run / METRICS_FILE)
        if known.source.weights_sha256 == checkpoint.weights_sha256 and known.split == split:
            return known
    return measure_checkpoint(
        checkpoint, open_prepared(prepared), split, run, DeviceChoice.of(0), progress=progress
    )
