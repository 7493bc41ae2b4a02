"""What painting needs of the head, worked out once: where each texture pixel is on the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from affect_training.synth import atlas
from affect_training.synth.assets import Head
from affect_training.synth.kernels import Float32, Samples, rasterise

SHAPE: Final = (atlas.SIZE, atlas.HEAD_WIDTH)


Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Canvas:
    """The head's skin, unrolled: every array is float32 (768, 384) or (768, 384, k).

    `x`, `y`, `z` are decimetres on MakeHuman's base mesh (x to the person's left, y up, z
    forward): brows lie near y = 7.5, the mouth near 6.8, the chin near 6.4, ears near z = 0.4.
    Masks run from 0 to 1. `wrinkles` holds four sets of folds: beside the mouth, between the
    brows, across the forehead, beside the eyes.
    """

    x: Float32
    y: Float32
    z: Float32
    lips: Float32
    lids: Float32
    mouth: Float32
    ears: Float32
    wrinkles: Float32

    def __post_init__(self) -> None:
        for name in ("x", "y", "z", "lips", "lids", "mouth", "ears"):
            array = getattr(self, name)
            if array.shape != SHAPE or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {SHAPE}")

    @classmethod
    def of(cls, head: Head) -> Canvas:
        """Unroll the head."""
        x, y, z = np.moveaxis(_positions(head), -1, 0)
        masks = (head.mask_lips, head.mask_lids, head.mask_mouth, head.mask_ears)
        lips, lids, mouth, ears = (np.float32(1 / 255) * mask for mask in masks)
        wrinkles = _wrinkles(x, y, z)
        return cls(*map(np.ascontiguousarray, (x, y, z, lips, lids, mouth, ears, wrinkles)))


def smoothstep(start: float, end: float, value: Floats) -> Float32:
    """0 before `start`, 1 after `end`, smooth between; `end` may lie below `start`."""
    t = np.clip((value - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def bump(value: Floats, centre: float | Floats, width: float) -> Float32:
    """Gaussian of height 1."""
    return np.asarray(np.exp(-(((value - centre) / width) ** 2)), dtype=np.float32)


def clouds(rng: np.random.Generator, shape: tuple[int, int], grains: dict[int, float]) -> Float32:
    """Smooth noise: for each grain size in pixels, that much of a random field."""
    height, width = shape
    total = np.zeros(shape, dtype=np.float32)
    for grain, amount in grains.items():
        coarse = rng.standard_normal((max(2, height // grain), max(2, width // grain)))
        field = cv2.resize(
            coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        total += np.float32(amount) * field
    return total


def _positions(head: Head) -> Float32:
    """Template position of each pixel, (768, 384, 3); outside the skin, that of the nearest."""
    chosen = np.flatnonzero(head.of_group("body") & (head.uv[..., 0].max(axis=1) < SHAPE[1]))
    corners = np.ones((len(chosen) * 3, 3), dtype=np.float32)
    corners[:, :2] = head.uv[chosen].reshape(-1, 2)
    triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    samples = Samples.empty(*SHAPE)
    rasterise(corners, triangles, np.zeros(len(chosen), dtype=bool), samples)
    inside = samples.owner >= 0
    places = head.template[head.triangles[chosen[samples.owner[inside]]]]
    first = samples.weights[inside]
    shares = np.concatenate([first, 1 - first.sum(axis=1, keepdims=True)], axis=1)
    found = (places * shares[..., None]).sum(axis=1)
    _, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((int(nearest.max()) + 1, 3), dtype=np.float32)
    table[nearest[inside]] = found
    return np.asarray(table[nearest])


def _wrinkles(x: Float32, y: Float32, z: Float32) -> Float32:
    ax = np.abs(x)
    drop = np.clip((7.0 - y) / 0.45, 0, 1)
    beside_mouth = (
        bump(ax, 0.20 + 0.24 * drop**0.8, 0.025)
        * smoothstep(7.02, 6.95, y)
        * smoothstep(6.52, 6.6, y)
        * (z > 0.8)
    )
    between_brows = (
        bump(ax, 0.055, 0.015) * smoothstep(7.36, 7.42, y) * smoothstep(7.62, 7.54, y) * (z > 1)
    )
    forehead = np.zeros_like(x)
    for height in (7.66, 7.75, 7.84):
        level = (height + 0.02 * np.cos(x * 5)).astype(np.float32)
        forehead += bump(y, level, 0.012) * smoothstep(0.6, 0.4, ax) * (z > 0.9)
    beside_eyes = np.zeros_like(x)
    for fan in (-0.5, 0.0, 0.5):
        level = (7.27 + fan * (ax - 0.5) * 1.2 + 0.03 * fan).astype(np.float32)
        beside_eyes += (
            bump(y, level, 0.01) * smoothstep(0.54, 0.58, ax) * smoothstep(0.74, 0.66, ax)
        )
    stacked = np.stack([beside_mouth, between_brows, forehead, beside_eyes], axis=-1)
    return np.asarray(cv2.GaussianBlur(stacked, (0, 0), 0.8), dtype=np.float32)
