"""Whether a recipe and the prepared sets it reads belong together."""

from __future__ import annotations

from affect_training.dataset.prepared import PreparedSet
from affect_training.errors import DataError, TrainingError
from affect_training.fit.recipe import FramesStage, Recipe


def check_sets(recipe: Recipe, sequences: PreparedSet, frames: PreparedSet) -> None:
    """See that crops are large enough and alike, and that nobody is learned who is tested.

    Args:
        recipe: what reads them.
        sequences: read by stages of sequences; the model is served and tested as it is prepared.
        frames: read by stages of frames; it may be the same.

    Raises:
        TrainingError: crops are too small, or cut in another way.
        DataError: a subject is trained on in one set and kept for the end in the other.
    """
    _check_sizes(recipe, sequences, frames)
    if frames is not sequences:
        _check_alike(sequences, frames)
        _check_subjects(sequences, frames)


def _check_sizes(recipe: Recipe, sequences: PreparedSet, frames: PreparedSet) -> None:
    for stage in recipe.stages:
        prepared = frames if isinstance(stage, FramesStage) else sequences
        size = prepared.info.preprocess.crop_size
        if stage.crop_size > size:
            raise TrainingError(
                f"Stage {stage.name} wants crops of {stage.crop_size} pixels and {prepared.folder} "
                f"has {size}: prepare with --crop-size {stage.crop_size}."
            )
    size = sequences.info.preprocess.crop_size
    if recipe.stages[-1].crop_size != size:
        raise TrainingError(
            f"The last stage has crops of {recipe.stages[-1].crop_size} pixels and "
            f"{sequences.folder} has {size}. They must be equal: what is trained last is served."
        )


def _check_alike(sequences: PreparedSet, frames: PreparedSet) -> None:
    """Rate and size may differ; what a crop shows may not."""
    other = {"sample_fps", "crop_size"}
    one = sequences.info.preprocess.model_dump(exclude=other)
    two = frames.info.preprocess.model_dump(exclude=other)
    differing = [name for name, value in one.items() if two[name] != value]
    if differing:
        raise TrainingError(
            f"{frames.folder} and {sequences.folder} were prepared with another "
            f"{' and '.join(differing)}: prepare both alike."
        )


def _check_subjects(sequences: PreparedSet, frames: PreparedSet) -> None:
    for learned, kept in (("train", ("validation", "test")), ("validation", ("test",))):
        both = _subjects(frames, learned) & _subjects(sequences, *kept)
        if both:
            raise DataError(
                f"Subject {min(both)} is in the {learned} split of {frames.folder} and held out in "
                f"{sequences.folder} ({len(both)} such): name the splits in the manifests, so "
                "that they agree."
            )


def _subjects(prepared: PreparedSet, *splits: str) -> set[str]:
    index = prepared.index
    return set(index.loc[index["split"].isin(splits), "subject"])
