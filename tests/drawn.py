"""What the tests of figures draw, and the words that a figure shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from affect_training.evaluate.predictions import Predictions

NAN: Final = float("nan")
MakePredictions = Callable[..., Predictions]

GOLD: Final = np.random.default_rng(0).uniform(-1, 1, (120, 2))

LOG: Final = """\
epoch,step,train_mse_arousal,train_mse_valence,lr,val_mse_arousal,val_mse_valence
0,9,,,0.1,0.5,0.6
0,9,0.8,0.9,,,
1,19,,,0.2,0.4,nan
1,19,0.7,0.75,,,
2,29,,,0.3,0.3,0.35
"""
"""As Lightning writes it: training and validation in rows of their own."""


def words(figure: Figure) -> str:
    """All text of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(match=_is_text))  # type: ignore[attr-defined]


def _is_text(artist: object) -> bool:
    return hasattr(artist, "get_text") and hasattr(artist, "get_fontsize")
