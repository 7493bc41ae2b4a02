"""Spectacle frames: two rims, a bridge and temples. Lenses are clear and not drawn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Head, Int32
from affect_training.synth.atlas import Material
from affect_training.synth.attachment import Attachment, in_rect, rigid
from affect_training.synth.attributes import Glasses
from affect_training.synth.strands import Skin

_SEGMENTS: Final = 28
_EYE_TO_LENS_M: Final = 0.030
"""From the eyeball's middle (its radius is 12 mm) to the rim."""
_RIM_M: Final = {Glasses.THIN: 0.0018, Glasses.THICK: 0.0045, Glasses.RIMLESS: 0.0007}
_DEPTH_M: Final = 0.003


def make_glasses(skin: Skin, kind: Glasses, rng: np.random.Generator) -> Attachment:
    """Frames that fit the person's eyes and head."""
    eyes = [_middle(skin, name) for name in ("-l-eye", "-r-eye")]
    apart = abs(float(eyes[0][0] - eyes[1][0])) / 2
    level = float((eyes[0][1] + eyes[1][1]) / 2)
    front = float((eyes[0][2] + eyes[1][2]) / 2) + _EYE_TO_LENS_M
    anchor = int(np.argmin(np.linalg.norm(skin.head.template - (0, 7.4, 1.25), axis=1)))
    rim = _RIM_M[kind]
    half_width = min(float(rng.uniform(0.024, 0.029)), apart - 0.005)
    half_height = float(rng.uniform(0.016, 0.023))
    corners = float(rng.uniform(2.0, 3.6))
    parts = [
        _rim(
            (side * apart, level - 0.003, front),
            (half_width, half_height),
            corners=corners,
            width=rim,
        )
        for side in (1, -1)
    ]
    inner, outer = apart - half_width, apart + half_width
    parts.append(_bar((-inner, level + 0.003, front), (inner, level + 0.003, front), rim + 0.001))
    beside = np.abs(skin.vertices[:, 1] - level) < 0.015
    widest = float(np.percentile(np.abs(skin.vertices[beside, 0]), 90))
    for side in (1, -1):
        start = (side * outer, level + 0.005, front)
        hinge = (side * (max(widest, outer) + 0.003), level + 0.005, front - 0.012)
        ear = (side * (max(widest, outer) + 0.003), level + 0.004, front - 0.115)
        parts += [_bar(start, hinge, rim + 0.001), _bar(hinge, ear, rim + 0.001)]
    base = skin.vertices[anchor]
    return Attachment.joined([_frame(anchor, points - base, faces) for points, faces in parts])


def _middle(skin: Skin, eye: str) -> Float32:
    vertices = np.unique(skin.head.triangles[_exactly(skin.head, eye)])
    return np.asarray(skin.vertices[vertices].mean(axis=0))


def _exactly(head: Head, name: str) -> NDArray[np.bool_]:
    return head.of_group(name) & ~head.of_group("lashes")


def _rim(
    middle: tuple[float, float, float],
    half: tuple[float, float],
    *,
    corners: float,
    width: float,
) -> tuple[Float32, Int32]:
    """A ring with a front and an outer wall; `corners` 2 is an ellipse, more is squarer."""
    x, y, z = middle
    angle = np.linspace(0, 2 * np.pi, _SEGMENTS, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    radius = (np.abs(cos) ** corners + np.abs(sin) ** corners) ** (-1 / corners)
    outline = np.stack([cos * radius, sin * radius], axis=1)

    def ring(grow: float, depth: float) -> Float32:
        sides = outline * (half[0] + grow, half[1] + grow)
        # Frames follow the face's curve a little.
        bow = depth - 0.12 * np.abs(sides[:, 0] * np.sign(x) + abs(x)) + 0.12 * abs(x)
        return np.stack([x + sides[:, 0], y + sides[:, 1], z + bow], axis=1).astype(np.float32)

    points = np.concatenate([ring(0, 0), ring(width, 0), ring(width, -_DEPTH_M)])
    here = np.arange(_SEGMENTS)
    after = (here + 1) % _SEGMENTS
    walls = []
    for inner in (0, _SEGMENTS):
        a, b = here + inner, after + inner
        c, d = a + _SEGMENTS, b + _SEGMENTS
        walls += [np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)]
    return points, np.concatenate(walls).astype(np.int32)


def _bar(
    start: tuple[float, float, float], end: tuple[float, float, float], height: float
) -> tuple[Float32, Int32]:
    """A bar of square section between two places."""
    ends = np.array([start, end], dtype=np.float32)
    along = ends[1] - ends[0]
    across = np.cross(along, (0, 1, 0))
    across = across / np.linalg.norm(across) * height / 2
    up = np.array([0, height / 2, 0], dtype=np.float32)
    corners = np.stack([up + across, up - across, -up - across, -up + across])
    points = (ends[:, None] + corners[None]).reshape(8, 3).astype(np.float32)
    faces = []
    for k in range(4):
        n = (k + 1) % 4
        faces += [(k, n, 4 + k), (n, 4 + n, 4 + k)]
    return points, np.array(faces, dtype=np.int32)


def _frame(anchor: int, points: Float32, triangles: Int32) -> Attachment:
    middle = np.full((len(triangles), 3), 0.5, dtype=np.float32)
    uv = in_rect(atlas.FRAME, middle, middle)
    return rigid(anchor, points.astype(np.float32), triangles, uv, Material.FRAME)
