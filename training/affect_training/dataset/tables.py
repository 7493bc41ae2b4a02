"""The report as a value, and as Markdown."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from affect_training.ratings.agreement import Agreement
from affect_training.ratings.gold import Weights
from affect_training.ratings.types import Split


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClipReport(_Part):
    """One clip. A dropped clip has no samples."""

    clip: str
    subject: str
    split: Split
    dropped_code: str | None
    dropped_reason: str | None
    truncated: bool
    """The clip broke off; it was used up to there."""
    samples: int
    faces: int
    no_face: int
    unrated: int
    """Samples without a gold standard."""
    usable: int
    """Samples with a face and a gold standard: those that training learns from."""
    ratings_after_clip: int
    """Ratings later than the clip's end, of all annotators."""
    samples_after_ratings: int
    """Samples after the last rating had aged out."""
    alpha_arousal: float | None
    alpha_valence: float | None


class SplitReport(_Part):
    """One split; dropped clips are not counted."""

    subjects: int
    clips: int
    samples: int
    usable: int


class Report(_Part):
    """The whole set."""

    clips: tuple[ClipReport, ...]
    totals: dict[str, int]
    splits: dict[Split, SplitReport]
    agreement: dict[str, Agreement]
    """Over all samples of the set: keys `arousal` and `valence`."""
    weights: dict[str, Weights]

    @property
    def dropped(self) -> tuple[ClipReport, ...]:
        """The clips that could not be used."""
        return tuple(clip for clip in self.clips if clip.dropped_code is not None)


def markdown(report: Report) -> str:
    """The report for people."""
    lines = ["# Prepared set", "", "| | count |", "| --- | --- |"]
    lines += [f"| {name.replace('_', ' ')} | {count} |" for name, count in report.totals.items()]
    lines += ["", "## Splits", "", "| split | subjects | clips | samples | usable |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for split, part in report.splits.items():
        lines.append(
            f"| {split} | {part.subjects} | {part.clips} | {part.samples} | {part.usable} |"
        )
    lines += ["", "## Agreement between annotators", ""]
    lines += ["Cronbach's alpha; Pearson's correlation and CCC as means over pairs.", ""]
    lines += ["| dimension | annotators | samples | alpha | lowest clip's | Pearson | CCC |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    for name, found in report.agreement.items():
        of_clips = [getattr(clip, f"alpha_{name}") for clip in report.clips]
        lowest = min((alpha for alpha in of_clips if alpha is not None), default=None)
        values = (found.alpha, lowest, found.pearson, found.ccc)
        figures = " | ".join(_figure(value) for value in values)
        lines.append(f"| {name} | {found.annotators} | {found.samples} | {figures} |")
    lines += ["", "## Annotators' weights in the gold standard", ""]
    lines += ["| annotator | arousal | valence |", "| --- | --- | --- |"]
    for name, weight in report.weights.items():
        lines.append(f"| {name} | {weight.arousal:.3f} | {weight.valence:.3f} |")
    lines += ["", "## Dropped clips", ""]
    lines += [f"- {r.clip}: {r.dropped_code}. {r.dropped_reason}" for r in report.dropped] or [
        "None."
    ]
    lines += ["", "## Clips with something missing", ""]
    lines += ["| clip | samples | no face | unrated | ratings after clip | samples after ratings |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for r in report.clips:
        if r.truncated or r.no_face or r.unrated or r.ratings_after_clip:
            lines.append(
                f"| {r.clip}{' (broke off)' if r.truncated else ''} | {r.samples} | {r.no_face} | "
                f"{r.unrated} | {r.ratings_after_clip} | {r.samples_after_ratings} |"
            )
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
