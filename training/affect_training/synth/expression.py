"""Arousal and valence -> the face's units (ARKit's 52 names), one row a frame.

The labels of synthetic clips *are* this mapping. What it rests on:

- Valence up, lip corner puller with cheek raiser: Liu et al. 2022, 10.1016/j.cub.2021.10.035;
  Zhang et al. 2024, 10.1038/s41598-024-70563-8.
- Valence down, brow lowerer: Zhang et al. 2024; scowl as brow lowerer, lid tightener and upper
  lip raiser: Liu et al. 2022. Action units and affect intensity: Haines et al. 2019,
  10.1371/journal.pone.0211735.
- Arousal down, lids that droop (PERCLOS, PMC10108649); long blinks are in `dynamics`.
- Arousal up is the weakest: raised brows, wide eyes and an open mouth are our choice. Faces
  say less of arousal than of valence: Höfling et al. 2020, 10.3389/fpsyg.2020.01388.

The coefficients are ours, and so is the zero: real faces at rest look sterner than the mesh does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SIDED: Final = (
    "browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn",
    "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown",
    "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
_CENTRAL: Final = (
    "browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "tongueOut",
)  # fmt: skip

UNITS: Final[tuple[str, ...]] = (
    *(f"{unit}{side}" for unit in _SIDED for side in ("Left", "Right")),
    *_CENTRAL,
)
"""Names of the face units in the order of every array of units here."""

MAX_UNIT: Final = 2.2
"""Beyond it the mesh tears; the mapping alone stays below 1.6."""

RESTING_VALENCE: Final = -0.35
"""What of the mapping's valence real faces look like at rest; the label 0.

Networks that took the mapping's own zero for rest gave neutral portraits -0.25 to -0.5.
"""

_COLUMNS: Final[dict[str, slice]] = {
    **{unit: slice(2 * i, 2 * i + 2) for i, unit in enumerate(_SIDED)},
    **{
        unit: slice(2 * len(_SIDED) + i, 2 * len(_SIDED) + i + 1) for i, unit in enumerate(_CENTRAL)
    },
}


def columns(unit: str) -> slice:
    """Columns of a unit in an array of units: two for a sided one (left, right), else one."""
    return _COLUMNS[unit]


@dataclass(frozen=True, slots=True)
class ExpressionStyle:
    """How one person, in one clip, shows what they feel.

    Args:
        gain: float64 (52,), factor on each unit, above 0.
        fear: 0 shows aroused displeasure as anger, 1 as fear.
        jaw: how far the mouth opens with arousal, in [0, 1].
    """

    gain: FloatArray
    fear: float
    jaw: float

    def __post_init__(self) -> None:
        if self.gain.shape != (len(UNITS),) or self.gain.dtype != np.float64:
            raise ValueError(f"gain is {self.gain.dtype} {self.gain.shape}, not float64 (52,)")
        if not (np.isfinite(self.gain).all() and (self.gain > 0).all()):
            raise ValueError("every gain must be positive")
        if not (0 <= self.fear <= 1 and 0 <= self.jaw <= 1):
            raise ValueError(f"fear {self.fear} and jaw {self.jaw} must lie in [0, 1]")

    @classmethod
    def plain(cls) -> ExpressionStyle:
        """Every unit as the mapping has it, halfway between anger and fear."""
        return cls(gain=np.ones(len(UNITS)), fear=0.5, jaw=0.65)

    @classmethod
    def random(cls, rng: np.random.Generator) -> ExpressionStyle:
        """Log-normal gains (sd 0.25, the same on both sides) and asymmetry (sd 0.08)."""
        gain = np.empty(len(UNITS))
        for unit_columns in _COLUMNS.values():
            gain[unit_columns] = np.exp(rng.normal(0, 0.25))
        gain *= np.clip(1 + rng.normal(0, 0.08, len(UNITS)), 0.7, 1.3)
        return cls(gain=gain, fear=float(rng.random()), jaw=float(rng.uniform(0.3, 1)))


def face_units(arousal: FloatArray, valence: FloatArray, style: ExpressionStyle) -> FloatArray:
    """Face units of the given arousal and valence.

    Args:
        arousal: float64 (n,), in [-1, 1].
        valence: float64 (n,), in [-1, 1].
        style: gains and flavour.

    Returns:
        float64 (n, 52), in [0, 2.2], in the order of `UNITS`; all zero at (0, 0).

    Raises:
        ValueError: shapes differ, or a value is outside [-1, 1].
    """
    if arousal.shape != valence.shape or arousal.ndim != 1:
        raise ValueError(f"arousal {arousal.shape} and valence {valence.shape} must be (n,)")
    for name, values in (("arousal", arousal), ("valence", valence)):
        if not (np.abs(values) <= 1).all():
            raise ValueError(f"{name} must lie in [-1, 1]")
    vp, vn = np.maximum(valence, 0), np.maximum(-valence, 0)
    ap, an = np.maximum(arousal, 0), np.maximum(-arousal, 0)
    fear, anger = style.fear, 1 - style.fear
    amounts = {
        "mouthSmile": 1.3 * vp * (0.7 + 0.3 * ap),
        "cheekSquint": 0.9 * vp * (0.5 + 0.5 * ap) + 0.25 * vn * ap,
        "eyeSquint": 0.3 * vp + 0.4 * vn * ap * anger,
        "mouthUpperUp": 0.6 * vp * ap + 0.4 * vn * ap * anger,
        "mouthLowerDown": 0.4 * vp * ap + 0.5 * vn * ap * fear,
        "jawOpen": 0.55 * ap * (1 - 0.5 * vn) * (1 - 0.4 * vp) * style.jaw,
        "browInnerUp": ap * (1 - 0.7 * vp) * (1 - vn * anger)
        + 1.1 * vn * an
        + 0.3 * vn * (1 - ap) * (1 - an),
        "browOuterUp": 0.9 * ap * (1 - 0.6 * vp) * (1 - vn),
        "eyeWide": ap * (1 - 0.5 * vp) * (1 - 0.5 * vn * anger),
        "browDown": 1.5 * vn * (0.35 + 0.65 * ap) * (1 - 0.5 * fear * ap) * (1 - 0.6 * an),
        "noseSneer": vn * ap * anger,
        "mouthFrown": 1.4 * vn * (1 - 0.4 * ap),
        "mouthShrugLower": 0.7 * vn * (1 - 0.6 * ap),
        "mouthStretch": vn * ap * fear,
        "mouthPress": 0.5 * vn * anger * (1 - 0.4 * ap),
        "eyeBlink": 0.45 * an,
        "eyeLookDown": 0.2 * an,
    }
    units = np.zeros((len(arousal), len(UNITS)))
    for unit, amount in amounts.items():
        units[:, columns(unit)] = amount[:, None]
    return np.minimum(units * style.gain, MAX_UNIT)


def valence_label(shown: FloatArray) -> FloatArray:
    """What a face is labelled that shows a valence of the mapping.

    Straight from (-1, -1) to (`RESTING_VALENCE`, 0) to (1, 1).

    Args:
        shown: float64, in [-1, 1].

    Returns:
        float64 of the same shape, in [-1, 1].
    """
    from_rest = shown - RESTING_VALENCE
    return np.where(
        from_rest < 0, from_rest / (1 + RESTING_VALENCE), from_rest / (1 - RESTING_VALENCE)
    )
