"""Paints the head's skin: tone, mottling, redness, freckles, lips, lids, shadows of shaven hair."""

from __future__ import annotations

from typing import Final

import numpy as np

from affect_training.synth.attributes import HAIR_COLOURS, Attributes, Beard
from affect_training.synth.canvas import SHAPE, Canvas, bump, clouds, smoothstep
from affect_training.synth.kernels import Float32

_TONES: Final = np.array(
    [
        [0.78, 0.56, 0.47],
        [0.62, 0.40, 0.29],
        [0.44, 0.25, 0.16],
        [0.24, 0.12, 0.072],
        [0.11, 0.056, 0.036],
    ],
    dtype=np.float32,
)
"""Linear R, G, B from the lightest skin to the darkest, set by eye."""


def skin_tone(share: float) -> Float32:
    """Linear R, G, B of skin with this share of melanin in [0, 1]."""
    at = np.linspace(0, 1, len(_TONES))
    return np.array([np.interp(share, at, band) for band in _TONES.T], dtype=np.float32)


def paint_skin(canvas: Canvas, attributes: Attributes, rng: np.random.Generator) -> Float32:
    """Reflectance of the head's skin, float32 (768, 384, 3), linear R, G, B."""
    tone = skin_tone(attributes.skin) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    dark = attributes.skin
    paint = np.empty((*SHAPE, 3), dtype=np.float32)
    paint[:] = tone
    paint *= (1 + clouds(rng, SHAPE, {2: 0.012, 6: 0.015, 16: 0.02, 48: 0.03}))[..., None]
    _redden(paint, canvas, rng, strength=0.7 * (1 - 0.6 * dark))
    _age(paint, canvas, rng, attributes.age)
    if dark < 0.4 and rng.random() < 0.2:
        _freckle(paint, canvas, rng)
    _shade_eyes(paint, canvas, attributes, rng)
    _paint_lips(paint, canvas, tone, attributes, rng)
    _blend(paint, canvas.mouth, np.array([0.16, 0.045, 0.04], dtype=np.float32))
    if attributes.beard is not Beard.NONE:
        _shave(paint, canvas, attributes, rng)
    return np.clip(paint, 0.004, 0.95)


def _redden(paint: Float32, canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    ax = np.abs(canvas.x)
    cheeks = bump(ax, 0.45, 0.25) * bump(canvas.y, 6.95, 0.2)
    nose = bump(canvas.x, 0, 0.18) * bump(canvas.y, 6.98, 0.15)
    ears = canvas.ears * np.float32(0.8)
    amount = (0.5 * cheeks + 0.5 * nose + ears) * (canvas.z > -1) * rng.uniform(0.2, 0.8) * strength
    paint *= 1 + amount[..., None] * np.array([0.06, -0.22, -0.24], dtype=np.float32)


def _age(paint: Float32, canvas: Canvas, rng: np.random.Generator, age: float) -> None:
    """Spots and lines that stay when the face rests; folds that move are in the shader."""
    late = float(np.clip((age - 45) / 40, 0, 1))
    if late == 0:
        return
    ax = np.abs(canvas.x)
    lines = np.sin((canvas.y - 7.6) * 60 + np.sin(canvas.x * 6) * 1.2) ** 8
    lines = lines * smoothstep(7.52, 7.6, canvas.y) * smoothstep(7.95, 7.85, canvas.y)
    lines = lines * smoothstep(0.75, 0.5, ax) * (canvas.z > 0.9)
    still = canvas.wrinkles[..., 0] * 0.5 + canvas.wrinkles[..., 3] * 0.6
    under_eyes = bump(canvas.y, 7.08, 0.02) * bump(ax, 0.33, 0.12) * (canvas.z > 0.9)
    spots = np.clip(clouds(rng, SHAPE, {5: 1.0}) - 1.7, 0, 1) * 0.5 * late
    depth = late * (0.22 * lines + 0.4 * still + 0.2 * under_eyes) + spots
    paint *= 1 - depth[..., None] * np.array([0.8, 1.0, 1.0], dtype=np.float32)


def _freckle(paint: Float32, canvas: Canvas, rng: np.random.Generator) -> None:
    where = bump(canvas.y, 7.0, 0.3) * (canvas.z > 0.6)
    amount = np.clip(clouds(rng, SHAPE, {3: 1.0}) - 1.1, 0, 1) * where
    paint *= 1 - amount[..., None] * np.array([0.35, 0.6, 0.75], dtype=np.float32)


def _shade_eyes(
    paint: Float32, canvas: Canvas, attributes: Attributes, rng: np.random.Generator
) -> None:
    ax = np.abs(canvas.x)
    below = bump(ax, 0.31, 0.16) * bump(canvas.y, 7.16, 0.06) * (canvas.z > 0.9)
    paint *= 1 - (below * rng.uniform(0.05, 0.4))[..., None] * np.array(
        [0.3, 0.35, 0.25], dtype=np.float32
    )
    shadow = np.array([0.85, 0.77, 0.78], dtype=np.float32)
    if attributes.make_up:
        shadow = rng.uniform(0.4, 0.75, 3).astype(np.float32)
    lids = canvas.lids[..., None] * np.float32(0.8)
    paint *= 1 - lids + lids * shadow


def _paint_lips(
    paint: Float32,
    canvas: Canvas,
    tone: Float32,
    attributes: Attributes,
    rng: np.random.Generator,
) -> None:
    colour = tone * np.array([0.86, 0.55, 0.58], dtype=np.float32) * rng.uniform(0.85, 1.1)
    if attributes.make_up:
        red, green, blue = rng.uniform((0.25, 0.02, 0.03), (0.6, 0.14, 0.18))
        colour = np.array([red, green, blue], dtype=np.float32) * (1 - 0.4 * attributes.skin)
    _blend(paint, canvas.lips * np.float32(0.85), colour.astype(np.float32))


def _shave(
    paint: Float32, canvas: Canvas, attributes: Attributes, rng: np.random.Generator
) -> None:
    """The dark of short hair below the skin; hair that stands out is geometry."""
    strength = rng.uniform(0.15, 0.45) if attributes.beard is Beard.STUBBLE else 0.6
    grain = 1 + clouds(rng, SHAPE, {2: 0.12, 12: 0.08})
    amount = np.clip(beard_field(canvas, attributes.beard) * strength * grain, 0, 0.9)
    colour = np.array(HAIR_COLOURS[attributes.hair_colour], dtype=np.float32)
    tone = skin_tone(attributes.skin)
    # Below the skin even grey hair darkens.
    _blend(paint, amount, np.minimum(0.8 * colour + 0.15 * tone, 0.7 * tone).astype(np.float32))


def beard_field(canvas: Canvas, beard: Beard) -> Float32:
    """Where a beard grows, in [0, 1], float32 (768, 384)."""
    off_the_lips = np.clip(1 - 1.6 * canvas.lips - canvas.mouth, 0, 1)
    grown = beard_share(canvas.x, canvas.y, canvas.z, beard) * off_the_lips
    return np.asarray(grown, dtype=np.float32)


def beard_share(x: Float32, y: Float32, z: Float32, beard: Beard) -> Float32:
    """How thickly a beard grows at a place on the template head, in [0, 1]."""
    ax = np.abs(x)
    moustache = smoothstep(6.94, 6.9, y) * smoothstep(6.77, 6.81, y)
    moustache = moustache * smoothstep(0.31, 0.24, ax) * (z > 1.1)
    chin = smoothstep(6.70, 6.64, y) * smoothstep(0.36, 0.26, ax) * (z > 0.7) * (y > 6.1)
    jaw = smoothstep(6.86, 6.66, y + 0.12 * np.clip(ax - 0.4, 0, 1)) * smoothstep(0.2, 0.4, z)
    jaw = jaw * smoothstep(6.02, 6.16, y) * ((ax > 0.2) | (y < 6.72))
    sideburns = smoothstep(7.25, 7.05, y) * smoothstep(6.6, 6.7, y)
    sideburns = sideburns * bump(z, 0.5, 0.13) * (ax > 0.5)
    sides = (
        smoothstep(0.25, 0.36, ax) * smoothstep(6.9, 6.75, y) * smoothstep(6.5, 6.6, y) * (z > 0.4)
    )
    off_the_mouth = (x / 0.3) ** 2 + ((y - 6.765) / 0.08) ** 2 > 1
    if beard is Beard.MOUSTACHE:
        return np.asarray(moustache * off_the_mouth, dtype=np.float32)
    if beard is Beard.GOATEE:
        around = bump(ax, 0.3, 0.06) * smoothstep(6.86, 6.8, y) * (y > 6.6) * (z > 0.9)
        grown = np.maximum(np.maximum(moustache, chin), around) * off_the_mouth
        return np.asarray(grown, dtype=np.float32)
    cheeks = np.maximum(np.maximum(jaw, sideburns), sides * 0.9)
    return np.asarray(np.maximum(moustache, cheeks) * off_the_mouth, dtype=np.float32)


def _blend(paint: Float32, amount: Float32, colour: Float32) -> None:
    share = amount[..., None]
    paint *= 1 - share
    paint += share * colour
