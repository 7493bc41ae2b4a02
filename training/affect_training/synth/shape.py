"""A person's head at rest: the mesh after age, gender, weight and a few hundred local changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affect_training.synth.assets import Float32, Head
from affect_training.synth.attributes import Attributes
from affect_training.synth.expression import FloatArray
from affect_training.synth.phenotypes import shape_weights

_LIKE_EXPRESSIONS: Final = (
    "mouth-angles", "eyebrows-angle", "eyebrows-trans-up", "mouth-lowerlip-ext",
    "mouth-upperlip-ext", "mouth-laugh", "eye-height", "eye-corner",
)  # fmt: skip
"""Changes of shape that pass for an expression: a face at rest would then look angry or gay."""
_LIKE_EXPRESSIONS_LIMIT: Final = 0.3
_SIDEWAYS_LIMIT: Final = 0.15
"""Of changes that move the whole mouth, nose or head to one side."""


_TEETH_BACK_M: Final = 0.0025
"""Else they shine through closed lips."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A head at rest: `vertices` float32 (n, 3), metres; `pivot` (3,), where it turns."""

    vertices: Float32
    pivot: Float32

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3 or self.pivot.shape != (3,):
            raise ValueError(f"vertices {self.vertices.shape}, pivot {self.pivot.shape}")
        if not np.isfinite(self.vertices).all():
            raise ValueError("vertices must be finite")


def shape_person(head: Head, attributes: Attributes, rng: np.random.Generator) -> Shape:
    """Draw the shape of a head that fits the attributes."""
    female_share = rng.normal(0.88 if attributes.female else 0.12, 0.12)
    values = {
        "gender": _within(female_share),
        # anny's scale has a child at 1/3, 25 years at 2/3 and old age at 1.
        "age": float(np.interp(attributes.age, (18, 25, 50, 85), (0.62, 0.67, 0.82, 1.0))),
        "muscle": _within(rng.normal(0.5, 0.15)),
        "weight": _within(rng.normal(0.5, 0.2)),
        "height": 0.5,
        "proportions": float(rng.uniform(0.2, 1)),
        "cupsize": 0.3,
        "firmness": 0.5,
    }
    weights = shape_weights(head.phenotype_mask, _race(attributes, rng), values)
    chosen = np.flatnonzero(np.abs(weights) > 1e-6)
    share = weights[chosen].astype(np.float32)
    vertices = head.mean + np.tensordot(share, head.phenotype[chosen], axes=1)
    pivot = head.pivot + share @ head.pivot_phenotype[chosen]
    amounts = _local_changes(head.change_name.tolist(), rng)
    change, way = np.arange(len(amounts)), (amounts < 0).astype(int)
    size = np.abs(amounts).astype(np.float32)
    vertices = vertices + np.tensordot(size, head.change[change, way], axes=1)
    pivot = pivot + size @ head.pivot_change[change, way]
    teeth = np.unique(head.triangles[head.of_group("teeth")])
    vertices[teeth, 2] -= _TEETH_BACK_M
    return Shape(np.ascontiguousarray(vertices, dtype=np.float32), pivot.astype(np.float32))


def _race(attributes: Attributes, rng: np.random.Generator) -> FloatArray:
    """Shares of MakeHuman's three head shapes, loosely tied to skin; drawn, not inferred."""
    dark = attributes.skin
    return rng.dirichlet([0.25 + 1.6 * dark**2, 0.7, 0.25 + 1.6 * (1 - dark) ** 2])


def _local_changes(names: list[str], rng: np.random.Generator) -> Float32:
    """How far each change goes, sd 0.28; both sides of a face alike but for sd 0.05."""
    drawn: dict[str, float] = {}
    amounts = []
    for name in names:
        both_sides = name[2:] if name.startswith(("l-", "r-")) else name
        amount = drawn.setdefault(both_sides, rng.normal(0, 0.28)) + rng.normal(0, 0.05)
        if both_sides.startswith(_LIKE_EXPRESSIONS):
            amount *= _LIKE_EXPRESSIONS_LIMIT
        if "trans-out" in name or name.endswith("angle-out"):
            amount *= _SIDEWAYS_LIMIT
        amounts.append(amount)
    return np.array(amounts, dtype=np.float32)


def _within(value: float) -> float:
    return float(np.clip(value, 0, 1))
