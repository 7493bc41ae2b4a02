"""Brows and beards: painted below, and strands that stand on the moving skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32
from affect_training.synth.attachment import Attachment, unit
from affect_training.synth.attributes import HAIR_COLOURS, Attributes, Beard
from affect_training.synth.canvas import Canvas, Floats, smoothstep
from affect_training.synth.skin import skin_tone
from affect_training.synth.strands import Roots, ribbons

BEARD_STRANDS = {Beard.MOUSTACHE: 400, Beard.GOATEE: 700, Beard.FULL: 1700}


@dataclass(frozen=True, slots=True)
class Brows:
    """The brows' line on the template head, decimetres; the same on both sides."""

    height: float
    arch: float
    thickness: float
    density: float

    @classmethod
    def draw(cls, attributes: Attributes, rng: np.random.Generator) -> Brows:
        """Thinner in women; never so low or slanted that it passes for a frown."""
        scale = 0.8 if attributes.female else 1.15
        return cls(
            height=float(rng.uniform(7.5, 7.545)),
            arch=float(rng.uniform(0.02, 0.075)),
            thickness=float(rng.uniform(0.026, 0.055) * scale),
            density=float(rng.uniform(0.55, 0.95)),
        )

    def share(self, x: Float32, y: Float32, z: Float32) -> Float32:
        """How thickly they grow, in [0, 1]."""
        ax = np.abs(x)
        along = np.clip((ax - 0.13) / 0.45, 0, 1)
        line = self.height + 0.01 + self.arch * np.sin(np.pi * 0.95 * along) - 0.05 * along**2
        thick = self.thickness * (1 - 0.65 * along) * smoothstep(0, 0.08, along)
        away = np.abs(y - line) / np.maximum(thick, 0.005)
        ends = smoothstep(0.1, 0.18, ax) * smoothstep(0.64, 0.5, ax) * (z > 0.7)
        return np.asarray(smoothstep(1.25, 0.55, away) * ends, dtype=np.float32)


def paint_brows(paint: Float32, canvas: Canvas, attributes: Attributes, brows: Brows) -> None:
    """The brows' shade on the skin; written."""
    amount = (brows.share(canvas.x, canvas.y, canvas.z) * brows.density * 0.75)[..., None]
    paint *= 1 - amount
    paint += amount * brow_colour(attributes)


def brow_colour(attributes: Attributes) -> Float32:
    """Brows keep their colour longer than the hair of the head."""
    greyed = attributes.hair_colour in ("grey", "white")
    colour = np.array(HAIR_COLOURS[attributes.hair_colour]) * (0.35 if greyed else 0.8)
    return np.asarray(colour + skin_tone(attributes.skin) * 0.05, dtype=np.float32)


def grow_brows(roots: Roots, rng: np.random.Generator) -> Attachment:
    """Short hairs, upright beside the nose and lying outwards at the temples."""
    x = roots.template[:, 0]
    along = np.clip((np.abs(x) - 0.13) / 0.45, 0, 1)
    direction = np.stack([np.sign(x) * (0.35 + along), 0.9 - 1.25 * along, -0.3 * along], axis=1)
    length = rng.uniform(0.004, 0.007, len(x))
    return _flat_strands(
        roots, direction, length, lift=0.12, width=0.0009, rect=atlas.BROWS, rng=rng
    )


def grow_beard(roots: Roots, beard: Beard, rng: np.random.Generator) -> Attachment:
    """Hairs that hang from cheeks and chin; those above the mouth stay short and off it."""
    x, y, _ = roots.template.T
    above_mouth = smoothstep(6.72, 6.76, y) * (np.abs(x) < 0.36)
    down = np.stack([0.25 * x, -np.ones_like(x), 0.15 * np.ones_like(x)], axis=1)
    aside = np.stack([np.sign(x) * (0.25 + 2 * np.abs(x)), -0.8 * np.ones_like(x), 0 * x], axis=1)
    direction = down * (1 - above_mouth[:, None]) + aside * above_mouth[:, None]
    direction = direction + rng.normal(0, 0.2, direction.shape)
    longest = rng.uniform(0.006, 0.028) if beard is not Beard.MOUSTACHE else 0.008
    length = longest * np.exp(rng.normal(0, 0.2, len(x)))
    chin = smoothstep(6.75, 6.45, y)
    length = np.where(above_mouth > 0.5, np.minimum(length, 0.006), length * (0.55 + 0.45 * chin))
    return _flat_strands(
        roots, direction, length, lift=0.28, width=0.0016, rect=atlas.BEARD, rng=rng
    )


def _flat_strands(
    roots: Roots,
    direction: Floats,
    length: Floats,
    *,
    lift: float,
    width: float,
    rect: atlas.Rect,
    rng: np.random.Generator,
) -> Attachment:
    """Strands of two segments that lie along the skin, lifted from it by `lift`."""
    normal = roots.normal
    direction = direction.astype(np.float32)
    flat = unit(direction - (direction * normal).sum(-1, keepdims=True) * normal)
    heading = unit(flat + lift * normal)
    bent = unit(heading + 0.5 * flat + np.array([0, -0.15, 0], dtype=np.float32))
    start = 0.0005 * normal
    half = (length / 2)[:, None]
    path = np.stack([start, start + half * heading, start + half * (heading + bent)], axis=1)
    outward = np.repeat(normal[:, None], 3, axis=1)
    return ribbons(roots, path.astype(np.float32), outward, width=width, rect=rect, rng=rng)
