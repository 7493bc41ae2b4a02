"""The whole road at a small size: synthetic clips to an archive, on two cores in minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from affect_core.checkpoint import load_checkpoint
from affect_core.spec import PreprocessSpec
from affect_training.calibrate import crops_of, plan_engines
from affect_training.card import model_card
from affect_training.comparison import measure_run
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.dataset.prepared import open_prepared
from affect_training.evaluate.clear_valence import SmilesAndFrowns, smiles_and_frowns
from affect_training.evaluate.predictions import read_predictions
from affect_training.evaluate.results import PREDICTIONS_FILE, RunMetrics
from affect_training.export import export_archive
from affect_training.fit.recipe import Recipe, read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER, fit
from affect_training.progress import Progress
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set

STILLS: Final = SynthConfig(people=500, clips_per_person=1, seconds=8.0, fps=1.0, seed=1)
"""What the backbone learns from: frames a second apart, so that hardly two show the same."""
CLIPS: Final = SynthConfig(people=100, clips_per_person=1, seconds=4.0, fps=5.0, seed=2)
"""What the temporal model learns from and is measured on."""
CROP_MARGIN: Final = 0.0
"""Crops are of few pixels: the face shall have all of them."""


def quickstart_recipe() -> Recipe:
    """The recipe beside this file."""
    return read_recipe(Path(__file__).with_suffix(".yaml"))


def quickstart(
    folder: Path,
    model_store: Path,
    *,
    stills: SynthConfig,
    clips: SynthConfig,
    recipe: Recipe,
    workers: int,
    progress: Progress,
    announce: Callable[[str], None],
) -> tuple[RunMetrics, SmilesAndFrowns]:
    """Make clips, train, measure and export; what is finished is not done again.

    Args:
        folder: for clips, crops and the run.
        model_store: for the archive.
        stills: rendered for the stages of frames.
        clips: rendered for the stages of sequences and for measuring.
        recipe: how it is learned; crops are prepared at the size of its last stage.
        workers: processes that render and prepare.
        progress: told of each piece of work.
        announce: called with a sentence as each part begins.

    Returns:
        The metrics on people that training never saw, and smiles and frowns told apart there.

    Raises:
        TrainingError: a part failed; it says which file and what to do.
    """
    announce(f"rendering {stills.people + clips.people} people who do not exist")
    crop_size = recipe.stages[-1].crop_size
    frames = _prepared(stills, folder / "stills", crop_size, workers, progress)
    prepared = _prepared(clips, folder / "clips", crop_size, workers, progress)
    announce("training")
    run = folder / "runs" / recipe.name
    trained_on = (
        f"{clips.name}: {stills.people + clips.people} rendered people, seeds {stills.seed} and "
        f"{clips.seed}. Labels are a mapping from face movements, not people's ratings."
    )
    fit(
        recipe,
        prepared,
        run,
        frames_folder=frames,
        trained_on=trained_on,
        cache=folder,
        progress=progress,
    )
    announce("measuring on people that training never saw")
    metrics = measure_run(run, prepared, "test", progress=progress)
    told = smiles_and_frowns(read_predictions(run / PREDICTIONS_FILE))
    announce("writing the archive")
    checkpoint = load_checkpoint(run / CHECKPOINT_FOLDER)
    plan = plan_engines(checkpoint.model, crops_of(open_prepared(prepared)), None)
    card = model_card(checkpoint.spec, metrics, plan)
    export_archive(checkpoint.model, checkpoint.spec, card, model_store, plan)
    return metrics, told


def _prepared(
    config: SynthConfig, folder: Path, crop_size: int, workers: int, progress: Progress
) -> Path:
    """A rendered set, its faces found and cut out at its own rate."""
    manifest = generate_set(
        config, folder / "rendered", workers, progress(f"{folder.name}: render")
    )
    prepared = folder / "prepared"
    preprocess = PreprocessSpec(crop_size=crop_size, crop_margin=CROP_MARGIN, sample_fps=config.fps)
    options = PrepareOptions(preprocess=preprocess)
    prepare(manifest, prepared, options, workers, progress(f"{folder.name}: find faces"))
    return prepared
