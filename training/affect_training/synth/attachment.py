"""Geometry that rides on the head's mesh: strands of hair, hats, glasses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Int32
from affect_training.synth.atlas import Material
from affect_training.synth.kernels import vertex_normals


@dataclass(frozen=True, slots=True)
class Attachment:
    """n points, each held at a place on the mesh, and t triangles between them.

    A point lies at its root (a weighted mean of three mesh vertices, so it follows the face's
    expression) plus an offset; on the head, offsets and normals turn with it.
    """

    root: Int32
    """(n, 3), vertices of the mesh."""
    share: Float32
    """(n, 3), their weights; rows sum to 1."""
    offset: Float32
    """(n, 3), metres, in the resting head's directions."""
    normal: Float32
    """(n, 3), unit, in the resting head's directions."""
    triangles: Int32
    """(t, 3), points."""
    uv: Float32
    """(t, 3, 2), pixels of the atlas."""
    material: Int32
    """(t,), an `atlas.Material`."""

    def __post_init__(self) -> None:
        points, triangles = len(self.root), len(self.triangles)
        for name in ("root", "share", "offset", "normal"):
            if getattr(self, name).shape != (points, 3):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {(points, 3)}")
        if self.uv.shape != (triangles, 3, 2) or self.material.shape != (triangles,):
            raise ValueError(f"uv {self.uv.shape}, material {self.material.shape}: {triangles=}")
        if triangles and not 0 <= self.triangles.min() <= self.triangles.max() < points:
            raise ValueError("a triangle names a point that is not there")

    @classmethod
    def joined(cls, parts: Sequence[Attachment]) -> Attachment:
        """All parts as one."""
        if not parts:
            return cls.nothing()
        starts = np.cumsum([0, *(len(part.root) for part in parts[:-1])])
        return cls(
            root=np.concatenate([part.root for part in parts]),
            share=np.concatenate([part.share for part in parts]),
            offset=np.concatenate([part.offset for part in parts]),
            normal=np.concatenate([part.normal for part in parts]),
            triangles=np.concatenate(
                [part.triangles + start for part, start in zip(parts, starts, strict=True)]
            ).astype(np.int32),
            uv=np.concatenate([part.uv for part in parts]),
            material=np.concatenate([part.material for part in parts]),
        )

    @classmethod
    def nothing(cls) -> Attachment:
        """No points and no triangles."""
        rows = np.zeros((0, 3), dtype=np.float32)
        empty = np.zeros((0, 3), dtype=np.int32)
        return cls(
            root=empty,
            share=rows,
            offset=rows,
            normal=rows,
            triangles=empty,
            uv=np.zeros((0, 3, 2), dtype=np.float32),
            material=np.zeros(0, dtype=np.int32),
        )


def unit(vectors: Float32) -> Float32:
    """Vectors along the last axis, scaled to length 1 (0 stays 0)."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)


def in_rect(rect: atlas.Rect, across: Float32, down: Float32) -> Float32:
    """Atlas pixels of places given as shares of a rectangle in [0, 1]."""
    x0, y0, x1, y1 = rect
    x = x0 + 2 + across * (x1 - x0 - 4)
    y = y0 + 2 + down * (y1 - y0 - 4)
    return np.stack([x, y], axis=-1).astype(np.float32)


def rigid(
    anchor: int, points: Float32, triangles: Int32, uv: Float32, material: Material
) -> Attachment:
    """Points (n, 3) that keep their places, in metres, about one vertex of the mesh."""
    normal = np.zeros_like(points)
    vertex_normals(points, triangles, normal)
    return Attachment(
        root=np.full(points.shape, anchor, dtype=np.int32),
        share=np.tile(np.array([1, 0, 0], dtype=np.float32), (len(points), 1)),
        offset=points,
        normal=normal,
        triangles=triangles,
        uv=uv,
        material=np.full(len(triangles), material, dtype=np.int32),
    )
