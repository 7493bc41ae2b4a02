"""The model card that travels in an archive (after Mitchell et al. 2019, arXiv 1810.03993)."""

from __future__ import annotations

from typing import Final

from affect_core.engine_plan import EnginePlan
from affect_core.spec import ModelSpec
from affect_training.evaluate.report import estimate_text, interval_note
from affect_training.evaluate.results import Estimate, Estimates, RunMetrics
from affect_training.numerals import counted

CARD_FILE: Final = "MODEL_CARD.md"

_INTENDED_USE: Final = (
    "Arousal and valence over time of faces in video, for research and for software that shows "
    "them to the person they are about or uses them in aggregate."
)
_MEANING: Final = (
    "Outputs describe how a face looks, in the terms of the labels it was trained with. They are "
    "not what a person feels."
)
_MISSING: Final = "A frame without a detected face has no values; nothing stands in for them."
_UNMEASURED: Final = (
    "Decisions about people (diagnosis, hiring, grading, monitoring), or anything else."
)


def model_card(spec: ModelSpec, metrics: RunMetrics | None, plan: EnginePlan | None = None) -> str:
    """The card as Markdown.

    Args:
        spec: of the model.
        metrics: of its evaluation; None where there was none, and the card says so.
        plan: what CPUs compute in; None is float32.
    """
    preprocess, smoothing_s = spec.preprocess, spec.output_smoothing_s
    side = preprocess.crop_size
    not_validated_for = _UNMEASURED if metrics is None else metrics.not_validated_for
    lines = [
        f"# {spec.name} {spec.version}",
        "",
        (
            f"- Architecture: {spec.architecture.name}, crops of {side} by {side} pixels, "
            f"{preprocess.sample_fps:g} samples a second"
        ),
        f"- Trained on: {spec.provenance.trained_on}",
        f"- Output smoothing: {f'{smoothing_s:g} s' if smoothing_s else 'none'}",
        f"- Confidence: {_confidence_note(spec)}",
        f"- On CPUs: {cpu_note(plan)}",
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
        f"- {_MEANING}",
        f"- {_MISSING}",
        f"- Not validated for: {not_validated_for}",
    ]
    return "\n".join(lines) + "\n"


def _confidence_note(spec: ModelSpec) -> str:
    confidence = spec.architecture.confidence
    if confidence is None:
        return "none"
    return (
        f"how often both outputs come within {confidence.tolerance:g} of the gold standard, among "
        "frames of the validation split that look like this one to the model"
    )


def cpu_note(plan: EnginePlan | None) -> str:
    """What CPUs compute the backbone in, and how far that is from float32."""
    if plan is None or plan.cpu == "float32":
        return "float32"
    check = next(check for check in plan.checks if check.precision == plan.cpu)
    agreed = "" if check.ccc is None else f", with a CCC of {check.ccc:.4f}"
    left_out = sum(span is None for span in plan.int8_ranges or ()) if plan.cpu == "int8" else 0
    spared = f" ({counted(left_out, 'convolution')} left out)" if left_out else ""
    return (
        f"{plan.cpu}{spared}; outputs differ from float32's by {check.mean_error:.4f} on average "
        f"and {check.max_error:.4f} at most{agreed}, over {check.crops} crops ({check.crops_from})"
    )


def _evaluation(metrics: RunMetrics) -> list[str]:
    return [
        (
            f"Split `{metrics.split}`: {counted(metrics.subjects, 'subject')}, "
            f"{counted(metrics.clips, 'clip')}, {counted(metrics.scored, 'rated sample')} with a "
            f"face ({metrics.coverage:.1%} of those rated)."
        ),
        interval_note(metrics),
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
    return "undefined" if estimate.value is None else estimate_text(estimate)
