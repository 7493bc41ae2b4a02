"""The whole road at a small size: synthetic clips to an archive, on two cores in minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.progress import Progress as Bar

from affect_core.checkpoint import load_checkpoint
from affect_core.spec import PreprocessSpec
from affect_training.card import model_card
from affect_training.comparison import measure_run
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.evaluate.results import RunMetrics
from affect_training.export import export_archive
from affect_training.fit.recipe import (
    FramesStage,
    LossConfig,
    OptimiserConfig,
    Recipe,
    SequencesStage,
)
from affect_training.fit.run import CHECKPOINT_FOLDER, fit
from affect_training.networks.backbones import BackboneConfig
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set

_LOSS: Final = LossConfig(mse=1.0, ccc=0.5)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything: people, seconds of each, pixels of a crop, epochs by stage."""

    people: int = 160
    seconds: float = 4.0
    crop_size: int = 64
    epochs: tuple[int, int, int] = (8, 3, 12)
    steps_per_epoch: int = 50


def quickstart_recipe(size: Size) -> Recipe:
    """VGG19 from random weights: small crops first, then larger ones, then sequences."""

    def optimiser(rate: float) -> OptimiserConfig:
        return OptimiserConfig(
            name="adamw",
            learning_rate=rate,
            weight_decay=0.05,
            schedule="cosine",
            warmup_steps=min(20, size.steps_per_epoch),
        )

    small, large, sequences = size.epochs
    return Recipe(
        name="quickstart",
        backbone=BackboneConfig(name="vgg19", weights="random", batch_norm=True),
        precision="bf16-mixed",
        stages=(
            FramesStage(
                name="frames-small",
                crop_size=32,
                batch_size=64,
                steps_per_epoch=size.steps_per_epoch,
                max_epochs=small,
                optimiser=optimiser(1e-3),
                loss=_LOSS,
            ),
            FramesStage(
                name="frames",
                crop_size=size.crop_size,
                batch_size=32,
                steps_per_epoch=size.steps_per_epoch,
                max_epochs=large,
                optimiser=optimiser(5e-4),
                loss=_LOSS,
            ),
            SequencesStage(
                name="sequences",
                crop_size=size.crop_size,
                batch_size=16,
                steps=16,
                steps_per_epoch=size.steps_per_epoch,
                max_epochs=sequences,
                views=2,
                optimiser=optimiser(1e-3),
                loss=_LOSS,
            ),
        ),
    )


def quickstart(
    folder: Path,
    model_store: Path,
    *,
    size: Size,
    workers: int,
    bar: Bar,
    announce: Callable[[str], None],
) -> RunMetrics:
    """Make clips, train, measure and export; what is finished is not done again.

    Args:
        folder: for clips, crops and the run.
        model_store: for the archive.
        size: how much.
        workers: processes that render and prepare.
        bar: where progress is drawn.
        announce: called with a sentence as each part begins.

    Returns:
        The metrics on people that training never saw.
    """
    config = SynthConfig(people=size.people, clips_per_person=1, seconds=size.seconds)
    announce(f"rendering {config.clips} clips of people who do not exist")
    manifest = generate_set(config, folder / "clips", workers, _advance(bar, "clips"))
    announce("finding and cutting out faces")
    prepared = folder / "prepared"
    options = PrepareOptions(
        preprocess=PreprocessSpec(crop_size=size.crop_size, sample_fps=config.fps)
    )
    prepare(manifest, prepared, options, workers, _advance(bar, "clips prepared"))
    announce("training")
    run = folder / "runs" / "quickstart"
    trained_on = (
        f"{config.name}: {config.people} rendered people, {config.clips} clips, seed "
        f"{config.seed}. Labels are a mapping from face movements, not people's ratings."
    )
    fit(quickstart_recipe(size), prepared, run, trained_on=trained_on, cache=folder, bar=bar)
    announce("measuring on people that training never saw")
    metrics = measure_run(run, prepared, "test", bar)
    announce("writing the archive")
    checkpoint = load_checkpoint(run / CHECKPOINT_FOLDER)
    card = model_card(checkpoint.spec, metrics)
    export_archive(checkpoint.model, checkpoint.spec, card, model_store)
    return metrics


def _advance(bar: Bar, name: str) -> Callable[[int, int], None]:
    task = bar.add_task(name, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
