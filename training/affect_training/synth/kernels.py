"""The renderer's inner loops, compiled by numba: rasterise, normals, shade.

Colours are linear light in R, G, B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def compiled(function: FunctionT) -> FunctionT:
    """Compile on first use; the machine code is kept beside the module."""
    return cast(FunctionT, numba.njit(cache=True, fastmath=True, nogil=True)(function))


def inlined(function: FunctionT) -> FunctionT:
    """Compile into its callers: a call would count references to every array it is given."""
    return cast(FunctionT, numba.njit(fastmath=True, inline="always")(function))


class Samples(NamedTuple):
    """What is nearest at each point of a grid, and where on it."""

    nearness: Float32
    """(height, width): 1 / depth, 0 where nothing is."""
    owner: Int32
    """(height, width): the triangle, -1 where nothing is."""
    weights: Float32
    """(height, width, 2): perspective-correct, of the triangle's first and second corner."""

    @classmethod
    def empty(cls, height: int, width: int) -> Samples:
        """Room for a grid; `rasterise` clears it."""
        return cls(
            nearness=np.empty((height, width), dtype=np.float32),
            owner=np.empty((height, width), dtype=np.int32),
            weights=np.empty((height, width, 2), dtype=np.float32),
        )


class Tone(NamedTuple):
    """How a sensor and its curve turn light into values."""

    dark: float
    """Standard deviation of the noise without light."""
    lit: float
    """Of the noise at light 1; it grows with the root of the light."""
    curve: Float32
    """(levels,), values in [0, 1] of light from 0 to `brightest`."""
    brightest: float
    saturation: float
    """0 leaves grey."""


@compiled
def rasterise(
    points: Float32, triangles: Int32, hide_back: NDArray[np.bool_], samples: Samples
) -> None:
    """Which triangle each point of a grid shows.

    Args:
        points: (n, 3), x and y in pixels (y down), and depth above 0.
        triangles: (t, 3).
        hide_back: (t,), triangles that are seen from their front alone (counter-clockwise
            where y points up).
        samples: written.
    """
    nearness, owner, weights = samples.nearness, samples.owner, samples.weights
    height, width = nearness.shape
    nearness[:] = 0
    owner[:] = -1
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = points[i, 0], points[i, 1]
        x1, y1 = points[j, 0], points[j, 1]
        x2, y2 = points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6 or (hide_back[t] and area > 0):
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        if left > right or top > bottom:
            continue
        scale = 1 / area
        near0, near1, near2 = 1 / points[i, 2], 1 / points[j, 2], 1 / points[k, 2]
        # Each weight is linear in x along a row: value at x = 0, and growth a pixel.
        grow0, grow1 = (y1 - y2) * scale, (y2 - y0) * scale
        grow2 = -grow0 - grow1
        for y in range(top, bottom + 1):
            dy = y + 0.5
            start0 = (x1 * (y2 - dy) - x2 * (y1 - dy)) * scale + 0.5 * grow0
            start1 = (x2 * (y0 - dy) - x0 * (y2 - dy)) * scale + 0.5 * grow1
            start2 = 1 - start0 - start1
            first, last = float(left), float(right)
            for start, grow in ((start0, grow0), (start1, grow1), (start2, grow2)):
                if grow > 0:
                    first = max(first, -start / grow)
                elif grow < 0:
                    last = min(last, -start / grow)
                elif start < 0:
                    last = -1.0
            for x in range(int(np.ceil(first)), int(np.floor(last)) + 1):
                a = start0 + grow0 * x
                b = start1 + grow1 * x
                near = a * near0 + b * near1 + (1 - a - b) * near2
                if near > nearness[y, x]:
                    nearness[y, x] = near
                    owner[y, x] = t
                    weights[y, x, 0] = a * near0 / near
                    weights[y, x, 1] = b * near1 / near


@compiled
def vertex_normals(points: Float32, triangles: Int32, normals: Float32) -> None:
    """Unit normals of the first `len(normals)` points, weighted by area; written."""
    normals[:] = 0
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = (
            points[j, 0] - points[i, 0],
            points[j, 1] - points[i, 1],
            points[j, 2] - points[i, 2],
        )
        bx, by, bz = (
            points[k, 0] - points[i, 0],
            points[k, 1] - points[i, 1],
            points[k, 2] - points[i, 2],
        )
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for corner in range(3):
            v = triangles[t, corner]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-20
        normals[v, 0] /= length
        normals[v, 1] /= length
        normals[v, 2] /= length


@compiled
def ride(points: Float32, root: Int32, share: Float32, offset: Float32, riding: Float32) -> None:
    """Points held by the mesh: weighted means of its points, plus offsets; written to `riding`."""
    for n in range(root.shape[0]):
        i, j, k = root[n, 0], root[n, 1], root[n, 2]
        for q in range(3):
            riding[n, q] = (
                share[n, 0] * points[i, q]
                + share[n, 1] * points[j, q]
                + share[n, 2] * points[k, q]
                + offset[n, q]
            )


@compiled
def develop(light: Float32, grain: Float32, tone: Tone, developed: Float32) -> None:
    """A sensor's picture of linear light: noise, tone curve, saturation.

    Args:
        light: (height, width, 3).
        grain: (height, width, 3), standard normal.
        tone: the sensor's and the curve's numbers.
        developed: (height, width, 3), written.
    """
    height, width = light.shape[0], light.shape[1]
    curve = tone.curve
    last = curve.shape[0] - 1
    scale = np.float32(last / tone.brightest)
    constant, growing = np.float32(tone.dark**2), np.float32(tone.lit**2)
    for y in range(height):
        for x in range(width):
            grey = np.float32(0)
            for q in range(3):
                there = max(light[y, x, q], np.float32(0))
                noisy = there + grain[y, x, q] * np.sqrt(constant + growing * there)
                value = curve[min(max(int(noisy * scale), 0), last)]
                developed[y, x, q] = value
                # ITU-R BT.601: how much each channel counts in grey.
                grey += value * np.float32(0.299 if q == 0 else (0.587 if q == 1 else 0.114))
            for q in range(3):
                developed[y, x, q] = grey + np.float32(tone.saturation) * (
                    developed[y, x, q] - grey
                )
