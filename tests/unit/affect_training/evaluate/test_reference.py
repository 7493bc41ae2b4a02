from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from affect_core.checkpoint import weights_digest
from affect_core.drift import OUTPUTS, OutputReference, read_reference
from affect_core.errors import SpecError
from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_training.evaluate.predictions import Predictions
from affect_training.export import export_archive
from affect_training.reference import output_reference

MakePredictions = Callable[..., Predictions]


@pytest.fixture
def predictions(make_predictions: MakePredictions) -> Predictions:
    """Two valences in the middle of each bin, arousal 0.5, and every seventh without a face."""
    valence = np.linspace(-0.95, 0.95, 20)
    predicted = np.column_stack([valence, np.full(20, 0.5)])
    predicted[::7] = np.nan
    return make_predictions(predicted, np.full((20, 2), np.nan))


def test_it_counts_what_has_a_face_by_tenths_of_the_range(predictions: Predictions) -> None:
    reference = output_reference(predictions)
    # The rows 0, 7 and 14 had no face.
    assert reference.counts["valence"] == (1, 2, 2, 1, 2, 2, 2, 1, 2, 2)
    assert reference.counts["arousal"] == (0, 0, 0, 0, 0, 0, 0, 17, 0, 0)
    assert reference.counts["score"] == (0,) * 9 + (17,)
    assert sum(reference.shares("valence")) == pytest.approx(1)
    assert reference.source == "17 samples with a face of the test split"


def test_where_nobody_has_a_face_there_is_none(make_predictions: MakePredictions) -> None:
    nothing = np.full((3, 2), np.nan)
    with pytest.raises(ValidationError, match="counts of arousal"):
        output_reference(make_predictions(nothing, nothing))


def test_the_archive_carries_it_and_only_for_its_weights(
    predictions: Predictions, tiny_model: AffectModel, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    digest = weights_digest(tiny_model)
    reference = output_reference(predictions).model_copy(update={"weights_sha256": digest})
    archive = export_archive(tiny_model, tiny_spec, "card", tmp_path, reference=reference)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert read_reference(tmp_path / "unpacked", digest) == reference
    with pytest.raises(SpecError, match="other weights"):
        read_reference(tmp_path / "unpacked", "0" * 64)
    assert read_reference(tmp_path, digest) is None


@pytest.mark.parametrize("counts", [(1,) * 9, (-1, *(1,) * 9), (0,) * 10])
def test_counts_that_are_none_are_refused(counts: tuple[int, ...]) -> None:
    whole = dict.fromkeys(OUTPUTS, (1,) * 10)
    with pytest.raises(ValidationError, match="counts of valence"):
        OutputReference(weights_sha256="a" * 64, source="x", counts={**whole, "valence": counts})
