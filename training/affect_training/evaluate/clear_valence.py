"""Whether a model tells a smile from a frown: the sign of valence where valence is clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affect_core.temporal import VALENCE
from affect_training.evaluate.predictions import Predictions

CLEAR: Final = 0.5
"""Gold valence of this and more is a smile, of its negative and less a frown."""


@dataclass(frozen=True, slots=True)
class SmilesAndFrowns:
    """Samples of clear valence, and the share of each whose predicted valence has its sign.

    Shares lie in [0, 1] and are NaN where there is no such sample; guessing gives 0.5.
    """

    smiles: int
    smiles_told: float
    frowns: int
    frowns_told: float

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"valence of {CLEAR:g} and more: {self.smiles_told:.0%} of {self.smiles} samples came "
            f"out positive; -{CLEAR:g} and less: {self.frowns_told:.0%} of {self.frowns} negative"
        )


def smiles_and_frowns(predictions: Predictions) -> SmilesAndFrowns:
    """How often clear valence has its sign, over all samples that count in the metrics."""
    gold = predictions.gold[predictions.scored, VALENCE]
    predicted = predictions.predicted[predictions.scored, VALENCE]
    smiles, frowns = gold >= CLEAR, gold <= -CLEAR
    return SmilesAndFrowns(
        smiles=int(smiles.sum()),
        smiles_told=float(np.mean(predicted[smiles] > 0)) if smiles.any() else float("nan"),
        frowns=int(frowns.sum()),
        frowns_told=float(np.mean(predicted[frowns] < 0)) if frowns.any() else float("nan"),
    )
