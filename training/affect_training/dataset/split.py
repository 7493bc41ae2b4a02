"""Which subject belongs to training, validation or test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from affect_training.errors import DataError
from affect_training.ratings.types import RatedClip, Split

TEST_FRACTION: Final = 1 / 5
"""The paper splits 4:1 into training and test."""

VALIDATION_FRACTION: Final = 1 / 8
"""Of the training subjects: a tenth of all choose the epoch, so that the test set need not."""


def assign_splits(clips: Iterable[RatedClip], seed: int) -> dict[str, Split]:
    """Subject -> split: the manifest's where it gives one, else seeded and by subject.

    Subjects are ordered by a digest of seed and name. So the split depends on nothing else, and
    another subject moves few of the old ones.

    Raises:
        DataError: a subject is in two splits, only some clips have one, or there are too few
            subjects to make three splits.
    """
    clips = list(clips)
    without = next((clip for clip in clips if clip.split is None), None)
    if any(clip.split is not None for clip in clips):
        if without is None:
            return _given(clips)
        raise DataError(
            f"{without.source or without.clip}: no split, while other clips have one. "
            "Give every clip a split, or none."
        )
    subjects = sorted({clip.subject for clip in clips}, key=lambda name: _digest(seed, name))
    if len(subjects) < 3:
        raise DataError(
            f"{len(subjects)} subjects ({', '.join(subjects)}) cannot be split into training, "
            "validation and test. Add subjects, or give the manifest a column split."
        )
    test = max(1, round(len(subjects) * TEST_FRACTION))
    validation = max(1, round((len(subjects) - test) * VALIDATION_FRACTION))
    splits: dict[str, Split] = {}
    for place, subject in enumerate(subjects):
        if place < test:
            splits[subject] = "test"
        elif place < test + validation:
            splits[subject] = "validation"
        else:
            splits[subject] = "train"
    return splits


def _given(clips: list[RatedClip]) -> dict[str, Split]:
    first: dict[str, RatedClip] = {}
    for clip in clips:
        other = first.setdefault(clip.subject, clip)
        if other.split != clip.split:
            raise DataError(
                f"Subject {clip.subject} is in two splits: {other.split} "
                f"({other.source or other.clip}) and {clip.split} ({clip.source or clip.clip}). "
                "Keep each subject in one."
            )
    return {subject: clip.split for subject, clip in first.items() if clip.split is not None}


def _digest(seed: int, subject: str) -> str:
    return hashlib.sha256(f"{seed}/{subject}".encode()).hexdigest()
