"""Hair of the head: where it grows, how it is combed, and how far it falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32
from affect_training.synth.attachment import Attachment, unit
from affect_training.synth.attributes import HAIR_COLOURS, Attributes, Haircut
from affect_training.synth.canvas import SHAPE, Canvas, clouds, smoothstep
from affect_training.synth.strands import Roots, ribbons


@dataclass(frozen=True, slots=True)
class Comb:
    """How a haircut is grown. Lengths in metres."""

    strands: int
    steps: int
    length: tuple[float, float]
    width: float
    lift: float
    """Away from the skin: 0 lies flat, 1 stands."""
    fall: float
    """How fast strands turn downwards on their way."""
    curl: float
    """Random turns on the way."""


COMBS: Final[dict[Haircut, Comb]] = {
    Haircut.BUZZ: Comb(1500, 2, (0.004, 0.007), 0.0030, 0.5, 0.0, 0.1),
    Haircut.SHORT: Comb(2000, 4, (0.018, 0.04), 0.0036, 0.3, 0.1, 0.15),
    Haircut.MEDIUM: Comb(1700, 6, (0.06, 0.12), 0.0060, 0.2, 0.5, 0.12),
    Haircut.LONG: Comb(1400, 7, (0.18, 0.34), 0.0080, 0.15, 0.8, 0.08),
    Haircut.FRINGE: Comb(1600, 6, (0.07, 0.13), 0.0054, 0.22, 0.5, 0.10),
    Haircut.TIED: Comb(1400, 5, (0.09, 0.12), 0.0052, 0.06, 0.0, 0.04),
    Haircut.CURLY: Comb(1900, 5, (0.03, 0.07), 0.0068, 0.85, 0.05, 0.75),
}


@dataclass(frozen=True, slots=True)
class Hairline:
    """Where hair begins on the template head.

    Args:
        front: height of its front, decimetres.
        recession: how far the temples go back, in [0, 1].
    """

    front: float
    recession: float

    @classmethod
    def draw(cls, attributes: Attributes, rng: np.random.Generator) -> Hairline:
        """Receding with age in men."""
        late = np.clip((attributes.age - 30) / 50, 0, 1) * (0.2 if attributes.female else 1.0)
        return cls(
            front=float(rng.uniform(7.9, 8.02) + 0.12 * late * rng.random()),
            recession=float(np.clip(rng.normal(0.7 * late, 0.12), 0, 1)),
        )

    def share(self, x: Float32, y: Float32, z: Float32) -> Float32:
        """How thickly hair grows, in [0, 1]."""
        ax = np.abs(x)
        temple = smoothstep(0.25, 0.5, ax) * (0.1 + 0.22 * self.recession)
        front = y - (self.front + temple - 0.55 * smoothstep(0.5, 0.8, ax))
        behind = np.minimum((0.62 - z) * 1.5, y - 6.95)
        nape = y - np.where(z < 0.2, np.float32(6.65), np.float32(7.05))
        field = np.maximum(np.where(z > 0.35, front, -9), np.where(z <= 0.62, behind, -9))
        field = np.minimum(np.maximum(field, np.where(z < 0.3, nape, -9)), nape)
        return smoothstep(-0.05, 0.09, field.astype(np.float32))


def paint_scalp(
    paint: Float32,
    canvas: Canvas,
    attributes: Attributes,
    line: Hairline,
    rng: np.random.Generator,
) -> None:
    """Hair's colour on the skin below it, so that no skin shines through; written."""
    amount = line.share(canvas.x, canvas.y, canvas.z) * (1 - np.clip(canvas.ears * 1.5, 0, 1))
    amount = amount * np.float32(0.12 if attributes.haircut is Haircut.BALD else 0.93)
    grain = 1 + clouds(rng, SHAPE, {2: 0.15, 5: 0.1})
    colour = np.array(HAIR_COLOURS[attributes.hair_colour], dtype=np.float32) * np.float32(0.75)
    share = np.clip(amount, 0, 1)[..., None]
    paint *= 1 - share
    paint += share * colour * grain[..., None]


def grow_hair(roots: Roots, haircut: Haircut, rng: np.random.Generator) -> Attachment:
    """Strands of the haircut on these roots."""
    comb = COMBS[haircut]
    centre, radii = _skull(roots)
    length = rng.uniform(*comb.length) * np.exp(rng.normal(0, 0.12, len(roots.position)))
    if haircut is Haircut.SHORT:
        length = length * (0.35 + 0.65 * smoothstep(7.6, 8.0, roots.template[:, 1]))
    direction = _combed(roots, haircut, rng)
    here = roots.position + 0.001 * roots.normal
    points = [here]
    turn = rng.normal(0, comb.curl, (len(here), 3)).astype(np.float32)
    step = (length / (comb.steps - 1)).astype(np.float32)[:, None]
    lift = np.float32(comb.lift * rng.uniform(0.7, 1.3))
    for number in range(1, comb.steps):
        way = number / comb.steps
        outward, near = _outwards(here, centre, radii)
        flat = unit(direction - near * (direction * outward).sum(-1, keepdims=True) * outward)
        # What has left the skull hangs.
        pull = comb.fall * (0.3 + 1.2 * way + 3 * (1 - near))
        down = np.concatenate([0 * pull, -pull, 0 * pull], axis=1)
        if comb.curl > 0.3:
            turn = rng.normal(0, comb.curl, turn.shape).astype(np.float32)
        heading = unit((1 - lift) * flat + near * lift * (1 - way) * outward + down + turn * way)
        here = _outside(here + step * heading, centre, radii)
        direction = unit(0.6 * direction + 0.4 * heading)
        points.append(here)
    path = np.stack(points, axis=1) - roots.position[:, None]
    path = _off_the_face(path.astype(np.float32), roots, haircut)
    outward, _ = _outwards(path + roots.position[:, None], centre, radii)
    return ribbons(roots, path, outward, width=comb.width, rect=atlas.HAIR, rng=rng)


def _skull(roots: Roots) -> tuple[Float32, Float32]:
    """Centre and radii of the ellipsoid that the scalp lies on, roughly."""
    low, high = roots.position.min(axis=0), roots.position.max(axis=0)
    centre, radii = (low + high) / 2, (high - low) / 2
    # Roots reach from the nape to the crown; the skull's middle lies above theirs.
    centre[1] = high[1] - radii[0] * 1.15
    radii = np.array([radii[0], radii[0] * 1.15, radii[2]])
    return centre.astype(np.float32), radii.astype(np.float32)


def _scaled(points: Float32, centre: Float32, radii: Float32) -> Float32:
    """From the skull's middle in its radii; below the middle the skull is a cylinder."""
    scaled = (points - centre) / radii
    scaled[..., 1] = np.maximum(scaled[..., 1], 0)
    return np.asarray(scaled, dtype=np.float32)


def _outwards(points: Float32, centre: Float32, radii: Float32) -> tuple[Float32, Float32]:
    """Unit directions away from the skull, and how near it is: 1 at the skull, 0 far off."""
    scaled = _scaled(points, centre, radii)
    away = np.linalg.norm(scaled, axis=-1, keepdims=True).astype(np.float32)
    return unit(scaled / radii), smoothstep(1.3, 1.05, away)


def _outside(points: Float32, centre: Float32, radii: Float32) -> Float32:
    """The points, those inside the skull moved to its surface."""
    scaled = _scaled(points, centre, radii)
    away = np.linalg.norm(scaled, axis=-1, keepdims=True)
    pushed = points + scaled * (1.02 / np.maximum(away, 1e-3) - 1) * radii
    return np.where(away < 1.02, pushed, points).astype(np.float32)


def _combed(roots: Roots, haircut: Haircut, rng: np.random.Generator) -> Float32:
    """Direction in which each strand sets out, (n, 3), unit."""
    x, y, z = roots.template.T
    top = smoothstep(7.75, 8.1, y)[:, None]
    side = np.sign(x + 1e-6)
    if haircut in (Haircut.SHORT, Haircut.BUZZ, Haircut.CURLY):
        way = rng.normal(0, (0.8, 0.1, 0.5)) + np.array([0, 0.2, rng.choice([-0.7, 0.7])])
        over = np.broadcast_to(way, roots.position.shape)
    elif haircut is Haircut.TIED:
        over = np.stack([-0.25 * x, 0.15 * np.ones_like(x), -np.ones_like(x)], axis=1)
    elif haircut is Haircut.FRINGE:
        ahead = smoothstep(0.2, 0.55, z)
        over = np.stack([0.9 * side * (1 - ahead) + 0.35 * x, -0.3 + 0 * x, 1.2 * ahead], axis=1)
    else:
        part = rng.choice([0.0, 0.0, 0.28, -0.28])
        apart = np.tanh((x - part) / 0.05)
        over = np.stack([apart, -0.1 + 0 * x, np.full_like(x, rng.normal(-0.15, 0.25))], axis=1)
    down = np.stack([0.05 * side, -np.ones_like(x), -0.35 * np.ones_like(x)], axis=1)
    if haircut is Haircut.TIED:
        down = over
    return unit((top * over + (1 - top) * down).astype(np.float32))


def _off_the_face(path: Float32, roots: Roots, haircut: Haircut) -> Float32:
    """Each strand ends where it would come before the face."""
    place = roots.template[:, None] + path * 10
    brow = 7.66 if haircut is Haircut.FRINGE else 7.85
    ax = np.abs(place[..., 0])
    before = (place[..., 2] > 0.45) & (place[..., 1] < brow) & (ax < 0.74)
    # Hanging beside the cheeks it must stay out of them as well.
    before |= (place[..., 2] > 0.75) & (place[..., 1] < brow - 0.1)
    steps = path.shape[1]
    first = np.where(before.any(axis=1), before.argmax(axis=1), steps)
    last = np.maximum(first - 1, 0)
    index = np.minimum(np.arange(steps)[None, :], last[:, None])
    return np.take_along_axis(path, index[..., None], axis=1)
