"""How a model's answers spread in its evaluation: what the service measures drift against."""

from __future__ import annotations

from collections import Counter

from affect_core.drift import BINS, Output, OutputReference, bin_of
from affect_core.temporal import AROUSAL, VALENCE
from affect_training.evaluate.predictions import Predictions
from affect_training.ratings.types import Floats


def output_reference(predictions: Predictions) -> OutputReference:
    """Counts over every sample with a face, rated or not.

    The service counts what it answers, in the precision that it serves in: differences of
    precision are far below a bin's width.

    Raises:
        ValueError: no sample has a face.
    """
    faces = predictions.has_face
    values: dict[Output, Floats] = {
        "arousal": predictions.predicted[faces, AROUSAL],
        "valence": predictions.predicted[faces, VALENCE],
        "score": predictions.score[faces],
    }
    counts: dict[Output, tuple[int, ...]] = {}
    for output, column in values.items():
        seen = Counter(bin_of(output, value) for value in column.tolist())
        counts[output] = tuple(seen[place] for place in range(len(BINS)))
    return OutputReference(
        weights_sha256=predictions.source.weights_sha256,
        source=f"{int(faces.sum())} samples with a face of the {predictions.split} split",
        counts=counts,
    )
