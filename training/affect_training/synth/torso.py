"""Carries the torso on below the mesh's cut edge, so that a distant person does not float."""

from __future__ import annotations

from typing import Final

import numpy as np

from affect_training.synth import atlas
from affect_training.synth.atlas import Material
from affect_training.synth.attachment import Attachment, in_rect
from affect_training.synth.strands import Skin

_DROP_M: Final = 0.9
_BELOW: Final = 5.6
"""Decimetres on the template: open edges below it are the cut, those above are the lips'."""


def extend_torso(skin: Skin) -> Attachment:
    """A sheet of cloth that hangs from every edge of the cut."""
    head = skin.head
    triangles = head.triangles[head.of_group("body")]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    _, first, uses = np.unique(
        np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True
    )
    cut = edges[first[uses == 1]]
    cut = cut[(head.template[cut, 1] < _BELOW).all(axis=1)]
    count = len(cut)
    root = np.concatenate([cut[:, 0], cut[:, 1], cut[:, 0], cut[:, 1]])
    drop = np.zeros((4 * count, 3), dtype=np.float32)
    drop[2 * count :, 1] = -_DROP_M
    normal = skin.normals[root].copy()
    normal[:, 1] = 0
    here = np.arange(count)
    a, b, c, d = (here + k * count for k in range(4))
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    across = ((head.template[root, 0] + 2.3) / 4.6).clip(0, 1)
    down = np.where(np.arange(4 * count) < 2 * count, 0.55, 0.95)
    uv = in_rect(atlas.TORSO, across.astype(np.float32), down.astype(np.float32))
    return Attachment(
        root=np.repeat(root[:, None], 3, axis=1).astype(np.int32),
        share=np.tile(np.array([1, 0, 0], dtype=np.float32), (len(root), 1)),
        offset=drop,
        normal=normal,
        triangles=faces,
        uv=uv[faces],
        material=np.full(len(faces), Material.CLOTH, dtype=np.int32),
    )
