"""Grows strands: from roots on the skin to ribbons of triangles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.assets import Float32, Head, Int32
from affect_training.synth.atlas import Material
from affect_training.synth.attachment import Attachment, in_rect, unit
from affect_training.synth.kernels import vertex_normals

Field = Callable[[Float32, Float32, Float32], Float32]
"""How thickly hair grows at x, y, z of the template head: a share in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Skin:
    """A person's skin at rest: the head it comes from, and n vertices with their normals."""

    head: Head
    vertices: Float32
    """(n, 3), metres."""
    normals: Float32
    """(n, 3), unit."""

    @classmethod
    def of(cls, head: Head, vertices: Float32) -> Skin:
        """The skin of a head of this shape."""
        normals = np.empty_like(vertices)
        vertex_normals(vertices, head.triangles[head.of_group("body")], normals)
        return cls(head, vertices, normals)


@dataclass(frozen=True, slots=True)
class Roots:
    """n places on a person's skin where strands begin."""

    vertices: Int32
    """(n, 3)."""
    share: Float32
    """(n, 3)."""
    template: Float32
    """(n, 3), decimetres on the template head."""
    position: Float32
    """(n, 3), metres on this person's head."""
    normal: Float32
    """(n, 3), unit."""

    @classmethod
    def sown(
        cls,
        skin: Skin,
        field: Field,
        count: int,
        rng: np.random.Generator,
    ) -> Roots:
        """At most `count` places, even over the skin where `field` is 1 and thinner elsewhere."""
        head = skin.head
        allowed = _skin_triangles(head)
        corners = head.template[head.triangles[allowed]]
        centre = corners.mean(axis=1)
        likely = np.clip(field(*centre.T), 0, 1) > 0.02
        allowed, corners = allowed[likely], corners[likely]
        edges = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(edges, axis=1)
        if len(allowed) == 0 or area.sum() == 0:
            return cls._picked(skin, np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
        drawn = rng.choice(len(allowed), size=2 * count, p=area / area.sum())
        share = rng.dirichlet((1, 1, 1), 2 * count).astype(np.float32)
        place = (corners[drawn] * share[..., None]).sum(axis=1)
        kept = np.flatnonzero(rng.random(2 * count) < field(*place.T))[:count]
        return cls._picked(skin, allowed[drawn[kept]], share[kept])

    @classmethod
    def _picked(cls, skin: Skin, triangles: Int32, share: Float32) -> Roots:
        corner = skin.head.triangles[triangles]

        def mean(values: Float32) -> Float32:
            return np.asarray((values[corner] * share[..., None]).sum(axis=1), dtype=np.float32)

        return cls(
            corner.astype(np.int32),
            share.astype(np.float32),
            mean(skin.head.template),
            mean(skin.vertices),
            unit(mean(skin.normals)),
        )

    def only(self, chosen: Int32) -> Roots:
        """These roots alone."""
        return Roots(
            self.vertices[chosen],
            self.share[chosen],
            self.template[chosen],
            self.position[chosen],
            self.normal[chosen],
        )


def _skin_triangles(head: Head) -> Int32:
    """The head's skin without the ears."""
    centre = head.uv.mean(axis=1)
    columns = np.clip(centre[:, 0], 0, atlas.HEAD_WIDTH - 1).astype(int)
    rows = np.clip(centre[:, 1], 0, atlas.SIZE - 1).astype(int)
    on_ear = head.mask_ears[rows, columns] > 90
    on_skin = head.uv[..., 0].max(axis=1) < atlas.HEAD_WIDTH
    return np.flatnonzero(head.of_group("body") & on_skin & ~on_ear).astype(np.int32)


def ribbons(
    roots: Roots,
    path: Float32,
    outward: Float32,
    *,
    width: float,
    rect: atlas.Rect,
    rng: np.random.Generator,
) -> Attachment:
    """Flat strands that taper to their tips.

    Args:
        roots: n places.
        path: (n, k, 3), metres from each root; the first point at the root.
        outward: (n, k, 3), unit, away from the head: what the strand's shading follows.
        width: metres at the root.
        rect: colours in the atlas, one column a strand.
        rng: which column.
    """
    count, steps, _ = path.shape
    if count == 0:
        return Attachment.nothing()
    along = unit(np.gradient(path, axis=1).astype(np.float32))
    side = unit(np.cross(along, outward).astype(np.float32))
    taper = np.linspace(1, 0.35, steps, dtype=np.float32)
    half = side * (width * taper / 2)[:, None]
    offset = np.stack([path - half, path + half], axis=2)
    twist = rng.normal(0, 0.25, (count, 1, 1)).astype(np.float32)
    normal = np.stack([outward - (0.35 - twist) * side, outward + (0.35 + twist) * side], axis=2)
    points = np.arange(count * steps * 2, dtype=np.int32).reshape(count, steps, 2)
    a, b = points[:, :-1, 0], points[:, :-1, 1]
    c, d = points[:, 1:, 0], points[:, 1:, 1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], axis=2)
    column = rng.random(count).astype(np.float32)
    down = np.linspace(0, 1, steps, dtype=np.float32)
    shape = (count, steps - 1)
    top = in_rect(rect, np.broadcast_to(column[:, None], shape), np.broadcast_to(down[:-1], shape))
    low = in_rect(rect, np.broadcast_to(column[:, None], shape), np.broadcast_to(down[1:], shape))
    uv = np.stack([np.stack([top, top, low], 2), np.stack([top, low, low], 2)], axis=2)
    total = count * (steps - 1) * 2
    return Attachment(
        root=np.repeat(roots.vertices, steps * 2, axis=0),
        share=np.repeat(roots.share, steps * 2, axis=0),
        offset=offset.reshape(-1, 3).astype(np.float32),
        normal=unit(normal.reshape(-1, 3).astype(np.float32)),
        triangles=triangles.reshape(total, 3),
        uv=uv.reshape(total, 3, 2),
        material=np.full(total, Material.HAIR, dtype=np.int32),
    )
