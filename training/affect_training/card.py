"""The model card that travels in an archive (after Mitchell et al. 2019, arXiv 1810.03993)."""

from __future__ import annotations

from typing import Final

from affect_core.spec import ModelSpec
from affect_training.evaluate.results import Estimate, Estimates, RunMetrics

CARD_FILE: Final = "MODEL_CARD.md"

_INTENDED_USE: Final = (
    "Arousal and valence over time of faces in video, for research and for software that shows "
    "them to the person they are about or uses them in aggregate."
)
_LIMITS: Final = (
    (
        "Outputs describe how a face looks, in the terms of the labels it was trained with. "
        "They are not what a person feels."
    ),
    (
        "Not validated for decisions about people (diagnosis, hiring, grading, monitoring), nor "
        "for populations, cameras or settings other than those of the evaluation."
    ),
    "A frame without a detected face has no values; nothing stands in for them.",
)


def model_card(spec: ModelSpec, metrics: RunMetrics | None) -> str:
    """The card as Markdown.

    Args:
        spec: of the model.
        metrics: of its evaluation; None where there was none, and the card says so.
    """
    preprocess = spec.preprocess
    lines = [
        f"# {spec.name} {spec.version}",
        "",
        (
            f"- Architecture: {spec.architecture.name}, crops of {preprocess.crop_size} pixels, "
            f"{preprocess.sample_fps:g} samples a second"
        ),
        f"- Trained on: {spec.provenance.trained_on}",
        f"- Output smoothing: {spec.output_smoothing_s:g} s",
        "",
        "## Evaluation",
        "",
        *(_evaluation(metrics) if metrics is not None else ["None: nothing was measured."]),
        "",
        "## Intended use",
        "",
        _INTENDED_USE,
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in _LIMITS),
    ]
    if metrics is not None:
        lines.append(f"- {metrics.not_validated_for}")
    return "\n".join(lines) + "\n"


def _evaluation(metrics: RunMetrics) -> list[str]:
    return [
        (
            f"Split `{metrics.split}`: {metrics.subjects} subjects, none of them trained on, "
            f"{metrics.clips} clips, {metrics.scored} rated samples with a face "
            f"({metrics.coverage:.1%} of those rated)."
        ),
        (
            f"In brackets, {metrics.bootstrap.confidence:.0%} intervals from "
            f"{metrics.bootstrap.resamples} resamplings of the subjects."
        ),
        "",
        "| | CCC | PCC | MSE |",
        "| --- | --- | --- | --- |",
        _row("valence", metrics.valence),
        _row("arousal", metrics.arousal),
        _row("mean", metrics.mean),
    ]


def _row(name: str, estimates: Estimates) -> str:
    cells = (estimates.ccc, estimates.pcc, estimates.mse)
    return f"| {name} | " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
