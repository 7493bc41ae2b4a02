"""The whole road at a small size: synthetic clips to an archive, on two cores in minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from affect_core.checkpoint import load_checkpoint
from affect_core.spec import PreprocessSpec
from affect_training.card import model_card
from affect_training.comparison import measure_run
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.evaluate.clear_valence import SmilesAndFrowns, smiles_and_frowns
from affect_training.evaluate.predictions import read_predictions
from affect_training.evaluate.results import PREDICTIONS_FILE, RunMetrics
from affect_training.export import export_archive
from affect_training.fit.recipe import Recipe, read_recipe
from affect_training.fit.run import CHECKPOINT_FOLDER, fit
from affect_training.progress import Progress
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set

CLIPS: Final = SynthConfig(people=300, clips_per_person=1, seconds=4.0)
"""More people teach more than more frames of each."""


def quickstart_recipe() -> Recipe:
    """The recipe beside this file."""
    return read_recipe(Path(__file__).with_suffix(".yaml"))


def quickstart(
    folder: Path,
    model_store: Path,
    *,
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
        clips: what is rendered.
        recipe: how it is learned; crops are prepared at the size of its last stage.
        workers: processes that render and prepare.
        progress: told of each piece of work.
        announce: called with a sentence as each part begins.

    Returns:
        The metrics on people that training never saw, and smiles and frowns told apart there.

    Raises:
        TrainingError: a part failed; it says which file and what to do.
    """
    announce(f"rendering {clips.clips} clips of people who do not exist")
    manifest = generate_set(clips, folder / "clips", workers, progress("clips"))
    announce("finding and cutting out faces")
    prepared = folder / "prepared"
    options = PrepareOptions(
        preprocess=PreprocessSpec(crop_size=recipe.stages[-1].crop_size, sample_fps=clips.fps)
    )
    prepare(manifest, prepared, options, workers, progress("clips prepared"))
    announce("training")
    run = folder / "runs" / recipe.name
    trained_on = (
        f"{clips.name}: {clips.people} rendered people, {clips.clips} clips, seed "
        f"{clips.seed}. Labels are a mapping from face movements, not people's ratings."
    )
    fit(recipe, prepared, run, trained_on=trained_on, cache=folder, progress=progress)
    announce("measuring on people that training never saw")
    metrics = measure_run(run, prepared, "test", progress=progress)
    told = smiles_and_frowns(read_predictions(run / PREDICTIONS_FILE))
    announce("writing the archive")
    checkpoint = load_checkpoint(run / CHECKPOINT_FOLDER)
    card = model_card(checkpoint.spec, metrics)
    export_archive(checkpoint.model, checkpoint.spec, card, model_store)
    return metrics, told
