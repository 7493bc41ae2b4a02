"""Moves a person: face units, gaze and pose -> points, normals, triangles ready to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Head, Int32
from affect_training.synth.atlas import Material
from affect_training.synth.expression import FloatArray, columns
from affect_training.synth.kernels import ride, vertex_normals
from affect_training.synth.person import Person

_CENTRE_BELOW_PIVOT_M = 0.045
"""The face's middle lies this far above the joint it turns about."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in radians: yaw to the person's left, pitch downwards, roll; gaze (yaw, pitch)."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


class Rig:
    """A person's geometry, ready to be posed again and again."""

    def __init__(self, head: Head, person: Person) -> None:
        self._head = head
        self._person = person
        attachment = person.attachment
        drawn = ~head.of_group("hair")
        mesh_points = len(head.template)
        self.triangles: Int32 = np.concatenate(
            [head.triangles[drawn], attachment.triangles + mesh_points]
        ).astype(np.int32)
        self.uv: Float32 = np.ascontiguousarray(np.concatenate([head.uv[drawn], attachment.uv]))
        materials = _mesh_materials(head)[drawn]
        self.material: Int32 = np.concatenate([materials, attachment.material]).astype(np.int32)
        self.hide_back = self.material == Material.SKIN
        self.openness: Float32 = np.concatenate(
            [_openness(head), np.ones(len(attachment.root), dtype=np.float32)]
        )
        self._body = np.ascontiguousarray(head.triangles[drawn])
        self._eyes = [np.unique(head.triangles[head.of_group(name)]) for name in ("l-eye", "r-eye")]
        self._eyes = [eye[~np.isin(eye, _lash_vertices(head))] for eye in self._eyes]
        self._units = head.units.reshape(len(head.units), -1)
        self._follows = head.follows_head[:, None]
        self._on_head = (head.follows_head[attachment.root[:, 0]] > 0.5)[:, None]

    def posed(self, units: FloatArray, pose: Pose) -> tuple[Float32, Float32]:
        """Points and normals, each float32 (n, 3), metres about the middle of the face.

        Args:
            units: (52,), face units.
            pose: of the head and the eyes.
        """
        person, attachment = self._person, self._person.attachment
        moved = units.astype(np.float32) @ self._units
        mesh = person.shape.vertices + moved.reshape(-1, 3)
        for eye in self._eyes:
            middle = mesh[eye].mean(axis=0)
            mesh[eye] = (mesh[eye] - middle) @ rotation(*pose.gaze, 0).T + middle
        mesh -= person.shape.pivot
        follows = self._follows
        full = rotation(pose.yaw, pose.pitch, pose.roll)
        half = rotation(pose.yaw / 2, pose.pitch / 2, pose.roll / 2)
        # The neck lies between: exact at 0, 1/2 and 1, blended in between.
        turned = np.where(
            follows < 0.5,
            mesh * (1 - 2 * follows) + (mesh @ half.T) * (2 * follows),
            (mesh @ half.T) * (2 - 2 * follows) + (mesh @ full.T) * (2 * follows - 1),
        )
        turned[:, 1] -= _CENTRE_BELOW_PIVOT_M
        split = len(turned)
        points = np.empty((split + len(attachment.root), 3), dtype=np.float32)
        normals = np.empty_like(points)
        points[:split] = turned
        vertex_normals(points, self._body, normals[:split])
        offset = np.where(self._on_head, attachment.offset @ full.T, attachment.offset)
        ride(points, attachment.root, attachment.share, offset, points[split:])
        normals[split:] = np.where(self._on_head, attachment.normal @ full.T, attachment.normal)
        return points, normals

    def wrinkling(self, units: FloatArray) -> Float32:
        """How far each of the canvas's four sets of folds is folded, float32 (4,)."""

        def amount(unit: str) -> float:
            return float(units[columns(unit)].mean())

        ageing = 0.35 + 0.45 * (self._person.attributes.age - 18) / 67
        mouth = 0.45 * amount("mouthSmile") + 0.3 * amount("noseSneer")
        folds = (
            mouth + 0.2 * amount("mouthUpperUp") + 0.04,
            0.6 * amount("browDown") + 0.1 * amount("browInnerUp"),
            0.35 * max(amount("browInnerUp"), amount("browOuterUp")),
            0.35 * amount("cheekSquint"),
        )
        return np.array(folds, dtype=np.float32) * np.float32(ageing)


def rotation(yaw: float, pitch: float, roll: float) -> Float32:
    """Roll, then pitch, then yaw: (3, 3)."""
    cy, sy = np.cos(yaw), np.sin(yaw)
    cp, sp = np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(turn @ nod @ tilt, dtype=np.float32)


def _mesh_materials(head: Head) -> Int32:
    material = np.full(len(head.triangles), Material.SKIN, dtype=np.int32)
    on_torso = head.of_group("body") & (head.uv[..., 0].min(axis=1) >= atlas.HEAD_WIDTH)
    material[on_torso] = Material.CLOTH
    material[head.of_group("-eye")] = Material.EYE
    material[head.of_group("lashes")] = Material.HAIR
    material[head.of_group("teeth") | head.of_group("tongue")] = Material.MOUTH
    return material


def _openness(head: Head) -> Float32:
    """Light from around reaches little of the mouth and less of the eyes than of the skin."""
    openness = np.ones(len(head.template), dtype=np.float32)
    body = head.of_group("body") & (head.uv[..., 0].max(axis=1) < atlas.HEAD_WIDTH)
    corners = np.clip(head.uv[body].astype(int), 0, (atlas.HEAD_WIDTH - 1, atlas.SIZE - 1))
    inside = head.mask_mouth[corners[..., 1], corners[..., 0]] > 127
    openness[head.triangles[body][inside]] = 0.25
    for part, share in (("teeth", 0.75), ("tongue", 0.5), ("-eye", 0.8)):
        openness[head.triangles[head.of_group(part)]] = share
    return openness


def _lash_vertices(head: Head) -> Int32:
    return np.unique(head.triangles[head.of_group("lashes")]).astype(np.int32)
