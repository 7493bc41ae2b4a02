"""Glasses, hats and scarves, fitted to a person's head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Head
from affect_training.synth.atlas import Material
from affect_training.synth.attachment import Attachment, in_rect, rigid
from affect_training.synth.attributes import Attributes, Glasses, Headwear
from affect_training.synth.canvas import smoothstep
from affect_training.synth.glasses import make_glasses
from affect_training.synth.strands import Skin

_CAP_LENGTH_M = 0.065
_BRIM_STEPS = 14


def wear(skin: Skin, attributes: Attributes, rng: np.random.Generator) -> list[Attachment]:
    """What the person wears on the head; cloth is one shell over the skin."""
    head, parts = skin.head, []
    if attributes.glasses is not Glasses.NONE:
        parts.append(make_glasses(skin, attributes.glasses, rng))
    if attributes.headwear is Headwear.NONE:
        return parts
    covered = head.of_group("body") & _covered(head, attributes.headwear)
    thick = {Headwear.CAP: 0.012, Headwear.BEANIE: 0.015, Headwear.SCARF: 0.009}
    parts.append(_shell(skin, covered, attributes.headwear, thick[attributes.headwear]))
    if attributes.headwear is Headwear.CAP:
        parts.append(_brim(skin, covered, rng))
    return parts


_FACE_MIDDLE = 7.1
"""Height of the face's middle on the template head, decimetres."""


def cloth_share(x: Float32, y: Float32, z: Float32, headwear: Headwear) -> Float32:
    """Where cloth lies on the template head, in [0, 1]: 0 on the face and without headwear."""
    if headwear is Headwear.NONE:
        return np.zeros_like(x)
    if headwear is Headwear.SCARF:
        away = np.where(z > 0.1, _from_face(x, y), 9)
        return smoothstep(0.98, 1.02, away.astype(np.float32)) * (y > 5.3)
    return smoothstep(-0.015, 0.015, (y - _hat_edge(z)).astype(np.float32))


def _from_face(x: Float32, y: Float32) -> Float32:
    """Distance from the face's middle: 1 at a scarf's edge."""
    up = y - _FACE_MIDDLE
    return np.asarray(np.hypot(x / 0.66, up / np.where(up > 0, 0.8, 0.74)), dtype=np.float32)


def _hat_edge(z: Float32) -> Float32:
    """Height of a hat's edge: high in front, low behind."""
    return np.asarray(7.3 + 0.5 * np.clip((z + 0.8) / 2, 0, 1), dtype=np.float32)


def _to_edge(template: Float32, headwear: Headwear) -> Float32:
    """How far vertices beyond the cloth's edge lie from it, (n, 3), decimetres; others 0."""
    x, y, z = template.T
    move = np.zeros_like(template)
    if headwear is Headwear.SCARF:
        away = _from_face(x, y)
        beyond = (away < 1) & (z > 0.1)
        grow = np.where(beyond, 1 / np.maximum(away, 0.5) - 1, 0)
        move[:, 0], move[:, 1] = x * grow, (y - _FACE_MIDDLE) * grow
    else:
        move[:, 1] = np.maximum(_hat_edge(z) - y, 0)
    return move


def _covered(head: Head, headwear: Headwear) -> NDArray[np.bool_]:
    """(t,): triangles of the head below the cloth."""
    x, y, z = np.moveaxis(head.template[head.triangles], -1, 0)
    return np.asarray((cloth_share(x, y, z, headwear) > 0.5).any(axis=1) & (y > 5.3).all(axis=1))


def _shell(
    skin: Skin, covered: NDArray[np.bool_], headwear: Headwear, thickness: float
) -> Attachment:
    """Cloth over the covered triangles; those across its edge are drawn back to it."""
    head, normals = skin.head, skin.normals
    used, triangles = np.unique(head.triangles[covered], return_inverse=True)
    x, y, z = head.template[used].T
    # Cloth stands off more over the crown, where hair is below it.
    lift = thickness * (1 + 0.8 * np.clip((y - 7.7) / 0.5, 0, 1))
    edge = _to_edge(head.template[used], headwear)
    across = (np.arctan2(x, z + 0.1) / np.pi + 1) / 2
    down = np.clip((8.6 - y) / 3.2, 0, 1)
    uv = in_rect(atlas.CLOTH, across.astype(np.float32), down.astype(np.float32))
    faces = triangles.reshape(-1, 3).astype(np.int32)
    return Attachment(
        root=np.repeat(used[:, None], 3, axis=1).astype(np.int32),
        share=np.tile(np.array([1, 0, 0], dtype=np.float32), (len(used), 1)),
        offset=(normals[used] * lift[:, None] + 0.1 * edge).astype(np.float32),
        normal=normals[used],
        triangles=faces,
        uv=uv[faces],
        material=np.full(len(faces), Material.CLOTH, dtype=np.int32),
    )


def _brim(skin: Skin, covered: NDArray[np.bool_], rng: np.random.Generator) -> Attachment:
    """A curved plate before the forehead."""
    worn = np.unique(skin.head.triangles[covered])
    front = worn[skin.head.template[worn, 2] > 0.9]
    where = skin.vertices[front]
    anchor = int(front[np.argmin(where[:, 1] + np.abs(where[:, 0]))])
    base = skin.vertices[anchor]
    half_width = float(np.abs(where[:, 0]).max()) + 0.006
    angle = np.linspace(-1.15, 1.15, _BRIM_STEPS)
    length = _CAP_LENGTH_M * rng.uniform(0.8, 1.2)
    inner = np.stack(
        [half_width * np.sin(angle), 0.006 - 0.004 * np.abs(angle), 0.09 * (np.cos(angle) - 1)], 1
    )
    reach = length * np.cos(angle * 1.3) + 0.004
    outer = inner * (1.04, 1, 1) + np.stack(
        [0 * angle, -0.25 * reach - 0.006 * np.abs(angle), reach], axis=1
    )
    points = np.concatenate([inner, outer]) + np.array([0, 0.004, 0.012])
    points[:, 0] -= base[0]
    first = np.arange(_BRIM_STEPS - 1)
    a, b, c, d = first, first + 1, first + _BRIM_STEPS, first + _BRIM_STEPS + 1
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    places = np.full(len(points), 0.5, dtype=np.float32)
    uv = in_rect(atlas.CLOTH, places, np.full_like(places, 0.05))
    return rigid(anchor, points.astype(np.float32), triangles, uv[triangles], Material.CLOTH)
