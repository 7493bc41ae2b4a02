from __future__ import annotations

import pytest

from affect_core.spec import ModelSpec
from affect_training.card import model_card
from affect_training.evaluate.predictions import PredictionSource
from affect_training.evaluate.results import (
    NOT_VALIDATED_FOR,
    Bootstrap,
    Estimate,
    Estimates,
    RunMetrics,
)


@pytest.fixture
def metrics() -> RunMetrics:
    ccc = Estimate(value=-0.0001, low=-0.2, high=0.31)
    estimates = Estimates(ccc=ccc, pcc=Estimate(value=None), mse=Estimate(value=0.25))
    return RunMetrics(
        source=PredictionSource(
            architecture="vgg19-convlstm",
            weights_sha256="ab" * 32,
            trained_on="nothing",
            output_smoothing_s=0.0,
            sample_fps=5.0,
            manifest="labels.csv",
            manifest_sha256="cd" * 32,
            gold="mean",
        ),
        split="test",
        clips=1,
        subjects=7,
        samples=50,
        rated=40,
        scored=30,
        coverage=0.75,
        valence=estimates,
        arousal=estimates,
        mean=estimates,
        subject_ccc=None,
        subject_mse=None,
        per_subject=(),
        bootstrap=Bootstrap(resamples=2000, seed=1, confidence=0.95),
    )


def test_a_card_has_the_numbers_as_people_write_them(
    tiny_spec: ModelSpec, metrics: RunMetrics
) -> None:
    card = model_card(tiny_spec, metrics)
    for line in (
        "- Architecture: vgg19-0.125-convlstm, crops of 32 by 32 pixels, 5 samples a second",
        "- Trained on: nothing, for tests",
        "- Output smoothing: none",
        "Split `test`: 7 subjects, 1 clip, 30 rated samples with a face (75.0% of those rated).",
        "Intervals: 95%, 2000 resamples of subjects (seed 1). With 7 subjects they are too narrow.",
        "| valence | 0.000 [-0.200, 0.310] | undefined | 0.250 |",
        f"- Not validated for: {NOT_VALIDATED_FOR}",
    ):
        assert line in card.splitlines()
    assert card.count("Not validated for") == 1


def test_a_card_of_a_model_that_was_not_measured_says_so(tiny_spec: ModelSpec) -> None:
    smooth = tiny_spec.model_copy(update={"output_smoothing_s": 0.4})
    card = model_card(smooth, None)
    assert "None: nothing was measured." in card
    assert "- Output smoothing: 0.4 s" in card
    assert "- Not validated for: Decisions about people" in card
