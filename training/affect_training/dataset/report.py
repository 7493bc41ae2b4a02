"""What became of every clip: `report.json` for programs, `report.md` for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from affect_core.sampling import ON_SCREEN_TOLERANCE_S
from affect_training.dataset.index import SampleRatings
from affect_training.dataset.record import ClipOutcome
from affect_training.dataset.tables import ClipReport, Report, SplitReport, markdown
from affect_training.ratings.agreement import agreement
from affect_training.ratings.disk import replacing
from affect_training.ratings.gold import Weights
from affect_training.ratings.types import SPLITS, RatedClip, Split

REPORT_JSON: Final = "report.json"
REPORT_MARKDOWN: Final = "report.md"

_COUNTS: Final = (
    "samples",
    "faces",
    "no_face",
    "unrated",
    "usable",
    "ratings_after_clip",
    "samples_after_ratings",
)


def make_report(
    index: pd.DataFrame,
    *,
    clips: Mapping[str, RatedClip],
    splits: Mapping[str, Split],
    outcomes: Sequence[ClipOutcome],
    ratings: SampleRatings,
    weights: Mapping[str, Weights],
    max_age_s: float,
) -> Report:
    """Count what the index holds and what it lacks.

    Args:
        index: as `index.build_index` made it, in the order of `ratings`.
        clips: by name.
        splits: by subject.
        outcomes: one for each clip.
        ratings: of all annotators at the index's samples.
        weights: as used.
        max_age_s: seconds after which a rating had aged out.
    """
    places = index.groupby("clip", sort=False).indices
    none = np.array([], dtype=np.int64)
    reports = []
    for outcome in outcomes:
        own = np.asarray(places.get(outcome.name, none), dtype=np.int64)
        clip = clips[outcome.name]
        columns = [ratings.annotators.index(trace.annotator) for trace in clip.traces]
        at = np.ix_(own, np.array(columns, dtype=np.int64))
        rows = index.iloc[own]
        reports.append(
            ClipReport(
                clip=outcome.name,
                subject=clip.subject,
                split=splits[clip.subject],
                dropped_code=outcome.dropped_code,
                dropped_reason=outcome.dropped_reason,
                truncated=outcome.truncated,
                ratings_after_clip=_ratings_after(clip, _end_s(outcome, rows, max_age_s)),
                alpha_arousal=agreement(ratings.arousal[at]).alpha,
                alpha_valence=agreement(ratings.valence[at]).alpha,
                **_sample_counts(rows, clip, max_age_s),
            )
        )
    totals = {name: sum(getattr(r, name) for r in reports) for name in _COUNTS}
    totals |= {"clips": len(reports), "dropped": sum(r.dropped_code is not None for r in reports)}
    return Report(
        clips=tuple(reports),
        totals=totals,
        splits={split: _split_report(split, reports) for split in SPLITS},
        agreement={
            "arousal": agreement(ratings.arousal),
            "valence": agreement(ratings.valence),
        },
        weights=dict(weights),
    )


def write_report(folder: Path, report: Report) -> None:
    """Write both files.

    Raises:
        DataError: they cannot be written.
    """
    with replacing(folder / REPORT_JSON) as file:
        file.write((report.model_dump_json(indent=1) + "\n").encode())
    with replacing(folder / REPORT_MARKDOWN) as file:
        file.write(markdown(report).encode())


def _sample_counts(rows: pd.DataFrame, clip: RatedClip, max_age_s: float) -> dict[str, int]:
    faces, rated = rows["track"].notna(), rows["arousal"].notna()
    last_s = max(trace.time_s[-1] for trace in clip.traces) + max_age_s + ON_SCREEN_TOLERANCE_S
    return {
        "samples": len(rows),
        "faces": int(faces.sum()),
        "no_face": int((~faces).sum()),
        "unrated": int((~rated).sum()),
        "usable": int((faces & rated).sum()),
        "samples_after_ratings": int((rows["time_s"] > last_s).sum()),
    }


def _end_s(outcome: ClipOutcome, rows: pd.DataFrame, max_age_s: float) -> float:
    """When the clip ends; one that broke off ends with its last sample, whatever its header says.

    A dropped clip has no end: its ratings are no later than anything.
    """
    if outcome.dropped_code is not None or outcome.duration_s is None:
        return math.inf
    if outcome.truncated:
        return float(rows["time_s"].iloc[-1]) + max_age_s
    return outcome.duration_s


def _ratings_after(clip: RatedClip, end_s: float) -> int:
    return sum(int((t.time_s > end_s + ON_SCREEN_TOLERANCE_S).sum()) for t in clip.traces)


def _split_report(split: Split, reports: Sequence[ClipReport]) -> SplitReport:
    own = [r for r in reports if r.split == split and r.dropped_code is None]
    return SplitReport(
        subjects=len({r.subject for r in own}),
        clips=len(own),
        samples=sum(r.samples for r in own),
        usable=sum(r.usable for r in own),
    )
