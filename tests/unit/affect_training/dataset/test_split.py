from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_training.dataset.split import assign_splits
from affect_training.errors import DataError
from affect_training.ratings.types import SPLITS, RatedClip, Split, Trace

TRACE = Trace("FM1", np.zeros(1), np.zeros(1), np.zeros(1))


def clips(subjects: list[str], split: Split | None = None) -> list[RatedClip]:
    return [
        RatedClip(Path(f"/{place}.mp4"), subject, split, (TRACE,), f"labels.csv, line {place}")
        for place, subject in enumerate(subjects)
    ]


def counts(splits: dict[str, Split]) -> list[int]:
    return [list(splits.values()).count(name) for name in SPLITS]


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [(3, [1, 1, 1]), (5, [3, 1, 1]), (10, [7, 1, 2]), (40, [28, 4, 8]), (157, [110, 16, 31])],
)
def test_four_to_one_and_an_eighth_of_the_rest(subjects: int, expected: list[int]) -> None:
    assert counts(assign_splits(clips([f"s{n}" for n in range(subjects)]), 0)) == expected


@given(
    st.lists(st.text(min_size=1, max_size=4), min_size=3, max_size=40),
    st.integers(0, 2**40),
)
def test_the_split_depends_on_seed_and_subjects_alone(subjects: list[str], seed: int) -> None:
    if len(set(subjects)) < 3:
        return
    splits = assign_splits(clips(subjects), seed)
    assert set(splits) == set(subjects)
    assert min(counts(splits)) >= 1
    assert assign_splits(clips(subjects[::-1] + subjects), seed) == splits


def test_another_seed_is_another_split() -> None:
    subjects = [f"s{n}" for n in range(40)]
    found = {tuple(assign_splits(clips(subjects), seed).items()) for seed in range(5)}
    assert len(found) == 5


def test_a_new_subject_moves_few_of_the_old() -> None:
    subjects = [f"s{n}" for n in range(100)]
    before = assign_splits(clips(subjects), 0)
    after = assign_splits(clips([*subjects, "new"]), 0)
    assert sum(after[name] != before[name] for name in subjects) <= 2


def test_the_manifests_split_stands() -> None:
    given_splits = [*clips(["a", "b"], "train"), *clips(["c"], "test"), *clips(["a"], "train")]
    assert assign_splits(given_splits, 0) == {"a": "train", "b": "train", "c": "test"}


def test_a_subject_in_two_splits_is_named_with_both_places() -> None:
    with pytest.raises(DataError, match=r"Subject b is in two splits: train \(labels.csv, line 1"):
        assign_splits([*clips(["a", "b"], "train"), *clips(["b"], "test")], 0)


def test_a_split_for_some_clips_only_is_an_error() -> None:
    with pytest.raises(DataError, match=r"labels\.csv, line 1: no split, while other"):
        assign_splits([*clips(["a"], "train"), *clips(["b", "c", "d"])[1:]], 0)


def test_too_few_subjects_are_named() -> None:
    with pytest.raises(DataError, match=r"2 subjects \([ab], [ab]\) cannot be split"):
        assign_splits(clips(["a", "b", "a"]), 0)
