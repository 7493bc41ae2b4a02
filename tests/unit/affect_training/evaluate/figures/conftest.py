"""Predictions to draw."""

from __future__ import annotations

import numpy as np
import pytest

from affect_training.evaluate.predictions import Predictions
from drawn import GOLD, NAN, MakePredictions


@pytest.fixture
def predictions(make_predictions: MakePredictions) -> Predictions:
    predicted = np.clip(GOLD * 0.5, -1, 1)
    predicted[5:9] = NAN
    predicted[40:60] *= 0.2
    gold = GOLD.copy()
    gold[100:] = NAN
    return make_predictions(predicted, gold, clips=6, subjects=3)
