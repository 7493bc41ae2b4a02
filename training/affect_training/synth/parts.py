"""Paints what is not skin: eyes, teeth, tongue, hair colours, cloth, frames."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from affect_training.synth import atlas
from affect_training.synth.attributes import HAIR_COLOURS, Attributes
from affect_training.synth.canvas import Floats, clouds, smoothstep
from affect_training.synth.facial_hair import brow_colour
from affect_training.synth.kernels import Float32
from affect_training.synth.skin import skin_tone

_IRISES: Final = (
    (0.05, 0.03, 0.018),
    (0.11, 0.06, 0.03),
    (0.16, 0.13, 0.07),
    (0.12, 0.2, 0.28),
    (0.11, 0.17, 0.12),
)
"""Dark brown, brown, hazel, blue, green."""


def paint_parts(texture: Float32, attributes: Attributes, rng: np.random.Generator) -> None:
    """Fill every rectangle of the atlas but the head's; `texture` (768, 768, 3) is written."""
    _eyes(texture, attributes, rng)
    white = rng.uniform(0.5, 0.8) * np.array([1.0, 0.94, 0.82])
    for rect in (atlas.UPPER_TEETH, atlas.LOWER_TEETH):
        rows, columns = atlas.slices(rect)
        along = np.linspace(-6, 6, columns.stop - columns.start)
        gaps = 1 - 0.25 * np.exp(-(((along - np.round(along)) / 0.06) ** 2))
        texture[rows, columns] = white * gaps[None, :, None]
    texture[atlas.slices(atlas.TONGUE)] = (0.36, 0.11, 0.1)
    hair = np.array(HAIR_COLOURS[attributes.hair_colour]) * rng.uniform(0.8, 1.25)
    tone = skin_tone(attributes.skin)
    texture[atlas.slices(atlas.LASHES)] = 0.5 * hair * 0.6 + 0.1 * tone
    texture[atlas.slices(atlas.SCALP_CAP)] = hair
    _strands(texture, atlas.HAIR, hair, rng, roots=0.6, spread=0.28)
    _strands(texture, atlas.BEARD, hair * rng.uniform(0.8, 1.3), rng, roots=0.75, spread=0.25)
    _strands(texture, atlas.BROWS, brow_colour(attributes), rng, roots=0.9, spread=0.2)
    _cloth(texture, atlas.TORSO, rng)
    _cloth(texture, atlas.CLOTH, rng, plain=True)
    frame = rng.uniform(0.01, 0.06, 3) if rng.random() < 0.6 else rng.uniform(0.05, 0.5, 3)
    texture[atlas.slices(atlas.FRAME)] = frame


def _eyes(texture: Float32, attributes: Attributes, rng: np.random.Generator) -> None:
    light = np.clip(1 - 1.6 * attributes.skin, 0, 1)
    shares = np.array([0.2 + 0.8 * (1 - light), 0.3, 0.12 * light, 0.25 * light, 0.1 * light])
    iris = np.array(_IRISES[int(rng.choice(len(_IRISES), p=shares / shares.sum()))])
    radius, pupil = rng.uniform(0.42, 0.48), rng.uniform(0.32, 0.48)
    white = np.array([0.74, 0.7, 0.66]) * rng.uniform(0.8, 1.05)
    for rect in (atlas.LEFT_EYE, atlas.RIGHT_EYE):
        rows, columns = atlas.slices(rect)
        y, x = np.mgrid[rows, columns].astype(np.float32)
        u = (x - (columns.start + columns.stop) / 2) / (0.45 * (columns.stop - columns.start))
        v = (y - (rows.start + rows.stop) / 2) / (0.45 * (rows.stop - rows.start))
        away, angle = np.hypot(u, v), np.arctan2(v, u)
        eye = white * (1 - 0.15 * smoothstep(0.4, 1, away))[..., None]
        fibres = 1 + 0.25 * np.sin(angle * 40 + away * 9) * smoothstep(0.1, 0.4, away)
        ring = 1 - 0.65 * smoothstep(radius - 0.08, radius, away)
        disc = iris * (fibres * (0.6 + 0.9 * away / radius) * ring)[..., None]
        inside = smoothstep(radius + 0.03, radius - 0.03, away)[..., None]
        eye = eye * (1 - inside) + disc * inside
        inside = smoothstep(radius * pupil + 0.03, radius * pupil - 0.03, away)[..., None]
        texture[rows, columns] = eye * (1 - inside) + 0.004 * inside


def _strands(
    texture: Float32,
    rect: atlas.Rect,
    colour: Floats,
    rng: np.random.Generator,
    *,
    roots: float,
    spread: float,
) -> None:
    """One strand a column, its root at the top; neighbours differ."""
    rows, columns = atlas.slices(rect)
    width, height = columns.stop - columns.start, rows.stop - rows.start
    each = np.exp(rng.normal(0, spread, width))
    along = np.linspace(roots, 1.15, height)
    texture[rows, columns] = (along[:, None] * each[None, :])[..., None] * colour


def _cloth(
    texture: Float32, rect: atlas.Rect, rng: np.random.Generator, *, plain: bool = False
) -> None:
    rows, columns = atlas.slices(rect)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    colour = rng.uniform(0.02, 0.75, 3) * rng.uniform(0.25, 1)
    cloth = np.empty((*shape, 3), dtype=np.float32)
    cloth[:] = colour
    cloth *= (1 + clouds(rng, shape, {2: 0.05, 24: 0.1}))[..., None]
    if not plain and rng.random() < 0.45:
        other = rng.uniform(0.02, 0.75, 3)
        period = rng.uniform(6, 40)
        y, x = np.mgrid[: shape[0], : shape[1]]
        stripes = np.sin(y * 2 * np.pi / period) > rng.uniform(-0.5, 0.8)
        if rng.random() < 0.4:
            stripes = stripes ^ (np.sin(x * 2 * np.pi / period) > 0)
        cloth[stripes] = other
    texture[rows, columns] = cv2.GaussianBlur(np.clip(cloth, 0.005, 0.9), (0, 0), 0.8)
