from __future__ import annotations

from affect_training.dataset.tables import ClipReport, Report, SplitReport, markdown
from affect_training.ratings.agreement import Agreement
from affect_training.ratings.gold import Weights


def clip(name: str, **changes: object) -> ClipReport:
    values: dict[str, object] = {
        "clip": name,
        "subject": "s",
        "split": "train",
        "dropped_code": None,
        "dropped_reason": None,
        "truncated": False,
        "samples": 10,
        "faces": 10,
        "no_face": 0,
        "unrated": 0,
        "usable": 10,
        "ratings_after_clip": 0,
        "samples_after_ratings": 0,
        "alpha_arousal": 0.9,
        "alpha_valence": None,
    }
    return ClipReport.model_validate({**values, **changes})


def test_the_report_names_what_is_missing_and_nothing_else() -> None:
    report = Report(
        clips=(
            clip("whole.mp4"),
            clip("faceless.mp4", no_face=3, faces=7, usable=7, alpha_arousal=0.52),
            clip("cut.mp4", truncated=True),
            clip("bad.mp4", dropped_code="undecodable_clip", dropped_reason="Send it whole."),
        ),
        totals={"samples": 30, "no_face": 3},
        splits={"train": SplitReport(subjects=1, clips=3, samples=30, usable=27)},
        agreement={"arousal": Agreement(0.69, 0.46, 0.4, 4, 30)},
        weights={"FM1": Weights(0.5, 1.0)},
    )
    text = markdown(report)
    assert "| no face | 3 |" in text
    assert "| train | 1 | 3 | 30 | 27 |" in text
    assert "| arousal | 4 | 30 | 0.690 | 0.520 | 0.460 | 0.400 |" in text
    assert "| FM1 | 0.500 | 1.000 |" in text
    assert "- bad.mp4: undecodable_clip. Send it whole." in text
    assert "| faceless.mp4 | 10 | 3 | 0 | 0 | 0 |" in text
    assert "| cut.mp4 (broke off) | 10 | 0 | 0 | 0 | 0 |" in text
    assert "whole.mp4" not in text


def test_undefined_figures_are_dashes() -> None:
    report = Report(
        clips=(clip("a.mp4", alpha_arousal=None),),
        totals={},
        splits={},
        agreement={"arousal": Agreement(None, None, None, 1, 0)},
        weights={},
    )
    text = markdown(report)
    assert "| arousal | 1 | 0 | - | - | - | - |" in text
    assert "## Dropped clips\n\nNone.\n" in text
