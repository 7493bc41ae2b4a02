"""How error differs between groups of people.

A group's MSE is taken over its scored samples and both dimensions, and set against that of all;
intervals of the ratio resample subjects, as `bootstrap` does, group and whole together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affect_training.errors import DataError
from affect_training.evaluate.bootstrap import (
    RESAMPLES,
    SEED,
    Interval,
    draw_subjects,
    interval_of,
)
from affect_training.evaluate.predictions import Predictions

_SUBJECT: Final = "subject"
_FEW: Final = 6
"""Numbers with more values than these are cut into parts of the people."""
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class GroupError:
    """The error of one group.

    subjects, samples: that are scored; both >= 1. mse: >= 0, of both dimensions. ratio: to the MSE
    of everybody. interval: of the ratio; None for a single subject, or where a resample leaves
    the group out.
    """

    attribute: str
    group: str
    subjects: int
    samples: int
    mse: float
    ratio: float
    interval: Interval | None

    def __post_init__(self) -> None:
        if self.subjects < 1 or self.samples < 1 or not self.mse >= 0 or not self.ratio >= 0:
            raise ValueError(f"{self}")


def read_groups(path: Path, subjects: set[str]) -> dict[str, dict[str, str]]:
    """The groups that people belong to.

    Args:
        path: CSV or Parquet with a column `subject`; a subject may have many rows.
        subjects: of whom something is to be known.

    Returns:
        For each column that holds one value for each of the subjects, and not the same for all:
        the group of each, groups in order. A number with more than six values makes three
        groups of about as many people.

    Raises:
        DataError: the file cannot be read, lacks a subject, or tells none apart.
    """
    rows = _read(path)
    if _SUBJECT not in rows:
        raise DataError(f"{path} has no column {_SUBJECT}.")
    rows = rows.astype({_SUBJECT: str})
    rows = rows[rows[_SUBJECT].isin(subjects)]
    missing = sorted(subjects - set(rows[_SUBJECT]))
    if missing:
        raise DataError(f"{path} says nothing of {len(missing)} subjects, such as {missing[0]}.")
    by_subject = rows.groupby(_SUBJECT)
    alike = by_subject.nunique(dropna=False).eq(1).all()
    people = by_subject.first()
    found: dict[str, dict[str, str]] = {}
    for column in people.columns:
        if not alike[column] or people[column].isna().any():
            continue
        groups = _groups(people[column].sort_values(kind="stable"))
        if 1 < len(set(groups.values())) < len(groups):
            found[str(column)] = groups
    if not found:
        raise DataError(f"{path} has no column that tells groups of these subjects apart.")
    return found


def group_errors(
    predictions: Predictions,
    groups: Mapping[str, Mapping[str, str]],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[GroupError]:
    """The error of each group of each attribute.

    Args:
        predictions: of one split; at least one sample is scored.
        groups: attribute -> subject -> group; subjects without a scored sample do not count.
        resamples: how many.
        seed: of the resampling.
    """
    scored = predictions.scored
    names, codes = np.unique(predictions.subject[scored], return_inverse=True)
    squares = (predictions.predicted[scored] - predictions.gold[scored]) ** 2
    error = np.bincount(codes, squares.mean(axis=1))
    count = np.bincount(codes).astype(np.float64)
    draws = draw_subjects(len(names), resamples, seed).astype(np.float64)
    everybody = (draws @ error) / (draws @ count)
    found: list[GroupError] = []
    for attribute, of_subject in groups.items():
        own = np.array([of_subject[name] for name in names.tolist()])
        for group in dict.fromkeys(of_subject.values()):
            inside = own == group
            if not inside.any():
                continue
            mse = float(error[inside].sum() / count[inside].sum())
            drawn = _ratio(draws[:, inside] @ error[inside], draws[:, inside] @ count[inside])
            found.append(
                GroupError(
                    attribute=attribute,
                    group=group,
                    subjects=int(inside.sum()),
                    samples=int(count[inside].sum()),
                    mse=mse,
                    ratio=mse / float(error.sum() / count.sum()),
                    interval=interval_of(drawn / everybody) if inside.sum() > 1 else None,
                )
            )
    return found


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return above / below


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (pa.ArrowException, pd.errors.ParserError, UnicodeError) as error:
        raise DataError(f"{path} is neither CSV nor Parquet: {error}") from error


def _groups(ordered: pd.Series) -> dict[str, str]:
    """By subject, from values in order."""
    number = pd.api.types.is_numeric_dtype(ordered) and not pd.api.types.is_bool_dtype(ordered)
    if not number or ordered.nunique() <= _FEW:
        return {str(subject): str(value) for subject, value in ordered.items()}
    parts = np.array_split(np.arange(len(ordered)), _PARTS)
    groups: dict[str, str] = {}
    for part in parts:
        values = ordered.iloc[part]
        name = f"{values.iloc[0]:g} to {values.iloc[-1]:g}"
        groups |= dict.fromkeys(map(str, values.index), name)
    return groups
