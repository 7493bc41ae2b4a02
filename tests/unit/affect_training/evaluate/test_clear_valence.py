from __future__ import annotations

import math

import numpy as np

from affect_core.temporal import VALENCE
from affect_training.evaluate.clear_valence import smiles_and_frowns
from drawn import NAN, MakePredictions


def test_only_clear_valence_that_was_rated_and_answered_counts(
    make_predictions: MakePredictions,
) -> None:
    gold = np.zeros((8, 2))
    gold[:, VALENCE] = (0.5, 0.9, 0.6, 0.49, -0.49, -0.5, -1.0, NAN)
    gold[7] = NAN
    predicted = np.zeros((8, 2))
    predicted[:, VALENCE] = (0.1, -0.1, NAN, -1.0, 1.0, -0.2, 0.3, 0.9)
    predicted[2] = NAN
    told = smiles_and_frowns(make_predictions(predicted, gold))
    assert (told.smiles, told.smiles_told) == (2, 0.5)
    assert (told.frowns, told.frowns_told) == (2, 0.5)


def test_the_sign_is_all_that_counts(make_predictions: MakePredictions) -> None:
    gold = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    told = smiles_and_frowns(make_predictions(gold * 0.01, gold))
    opposite = smiles_and_frowns(make_predictions(-gold * 0.01, gold))
    assert told.smiles_told == told.frowns_told == 1
    assert opposite.smiles_told == opposite.frowns_told == 0


def test_without_clear_valence_there_is_no_share(make_predictions: MakePredictions) -> None:
    calm = np.full((4, 2), 0.1)
    told = smiles_and_frowns(make_predictions(calm, calm))
    assert told.smiles == told.frowns == 0
    assert math.isnan(told.smiles_told)
    assert math.isnan(told.frowns_told)
    assert "0 samples" in told.sentence
