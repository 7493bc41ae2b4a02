"""What is checked of a whole set: before the work, and of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from affect_training.dataset.record import ClipOutcome
from affect_training.dataset.report import REPORT_MARKDOWN
from affect_training.dataset.tables import Report
from affect_training.errors import DataError
from affect_training.ratings.types import RatedClip, Split


def check_files(rated: Mapping[str, RatedClip]) -> None:
    """Look for every clip's file.

    Raises:
        DataError: one is missing; names it and its line in the manifest.
    """
    missing = [clip for clip in rated.values() if not clip.clip.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"{missing[0].source}: there is no clip {missing[0].clip}{more}. Paths are relative "
            "to the manifest's folder."
        )


def check_outcomes(
    outcomes: Sequence[ClipOutcome], rated: Mapping[str, RatedClip], splits: Mapping[str, Split]
) -> None:
    """See that clips are left, and that none is in two splits under two names.

    Raises:
        DataError: no clip can be used, or one recording is in two splits; names them.
    """
    if all(outcome.dropped_code is not None for outcome in outcomes):
        raise DataError(
            f"None of the {len(outcomes)} clips can be used; the first is {outcomes[0].name}: "
            f"{outcomes[0].dropped_reason}"
        )
    first: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.sha256 is None or outcome.dropped_code is not None:
            continue
        other = first.setdefault(outcome.sha256, outcome.name)
        one, two = splits[rated[other].subject], splits[rated[outcome.name].subject]
        if one != two:
            raise DataError(
                f"{other} ({one}) and {outcome.name} ({two}) are the same recording in two "
                "splits. Remove one, or give both one subject."
            )


def check_usable(out: Path, report: Report) -> None:
    """See that training has something to learn from.

    Raises:
        DataError: no sample has both a face and a rating.
    """
    if report.totals["usable"] == 0:
        raise DataError(
            f"No sample has both a face and a rating, so there is nothing to learn from. "
            f"{out / REPORT_MARKDOWN} says what each clip lacks."
        )
