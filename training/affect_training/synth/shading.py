"""What each pixel's surface looks like: texture, wrinkles, key light with shadow, fill, sky."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from affect_training.synth.atlas import Material
from affect_training.synth.kernels import Float32, Int32, Samples, compiled, inlined

SKIN: Final = int(Material.SKIN)
MOUTH: Final = int(Material.MOUTH)
CLOTH: Final = int(Material.CLOTH)
HAIR: Final = int(Material.HAIR)
_SHADOW_BIAS_M: Final = np.float32(0.006)
_SHADOW_SOFTNESS: Final = np.float32(1.5)
"""Pixels of the shadow map."""
_MAX_WRINKLE: Final = np.float32(0.6)
_SMOOTH_STEP: Final = 1.01
"""Two points a pixel apart whose depths differ more belong to different surfaces."""
_TINY: Final = np.float32(1e-9)


class Surface(NamedTuple):
    """Triangles where they are now: n points, t triangles."""

    triangles: Int32
    """(t, 3)."""
    uv: Float32
    """(t, 3, 2), pixels of the texture."""
    material: Int32
    """(t,), row of `Paint.gloss`."""
    points: Float32
    """(n, 3), metres, the camera at 0 looking along -z."""
    normals: Float32
    """(n, 3), unit."""
    openness: Float32
    """(n,), share of the surroundings' light that reaches a vertex."""
    lit: Float32
    """(n, 3), as the key light sees them: pixels of the shadow map, and metres of depth."""


class Paint(NamedTuple):
    """What surfaces look like."""

    texture: Float32
    """(side, side, 3), linear reflectance."""
    wrinkles: Float32
    """(side, columns, 4), depth of four sets of folds in the skin."""
    wrinkling: Float32
    """(4,), how far each set is folded now."""
    gloss: Float32
    """(materials, 3): highlight's strength, its exponent, wrap of the diffuse term."""


class Light(NamedTuple):
    """What falls on them."""

    table: Float32
    """(5, 3): direction to the key light, its colour, the fill light's direction, its colour,
    the surroundings' colour."""
    shadow: Float32
    """(side, side), nearness as the key light sees it."""


class Picture(NamedTuple):
    """A frame being drawn."""

    colour: Float32
    """(height, width, 3), multiplied by coverage."""
    coverage: Float32
    """(height, width), in [0, 1]."""


@compiled
def _points_needed(samples: Samples, material: Int32, row: int, column: int) -> int:
    """How many of a pixel's four points to look at: 1 on skin or cloth, 2 inside hair, or 4."""
    owner, nearness = samples.owner, samples.nearness
    if owner[row, column] < 0:
        return 4
    m = material[owner[row, column]]
    if m not in (SKIN, CLOTH, HAIR):
        return 4
    least = greatest = nearness[row, column]
    for corner in range(1, 4):
        y, x = row + corner // 2, column + corner % 2
        if owner[y, x] < 0 or material[owner[y, x]] != m:
            return 4
        least = min(least, nearness[y, x])
        greatest = max(greatest, nearness[y, x])
    if m == HAIR:
        return 2
    return 1 if greatest < least * _SMOOTH_STEP else 4


@inlined
def _unshadowed(shadow: Float32, x: float, y: float, depth: float) -> float:
    """Share of nine places around one that the key light reaches."""
    side = shadow.shape[0]
    blocking = 1 / (depth - _SHADOW_BIAS_M)
    seen = np.float32(0)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            qx, qy = int(x + dx * _SHADOW_SOFTNESS), int(y + dy * _SHADOW_SOFTNESS)
            if qx < 0 or qy < 0 or qx >= side or qy >= side or shadow[qy, qx] < blocking:
                seen += np.float32(1 / 9)
    return float(seen)


@inlined
def _point_light(  # noqa: PLR0915 - one point's light, from top to bottom
    samples: Samples, surface: Surface, paint: Paint, light: Light, place: tuple[int, int]
) -> tuple[float, float, float]:
    """Light that leaves the surface at a point: linear R, G, B.

    Phong's model with a wrapped diffuse term; red wraps further, as light does inside skin.
    """
    y, x = place
    t = samples.owner[y, x]
    i, j, k = surface.triangles[t, 0], surface.triangles[t, 1], surface.triangles[t, 2]
    a, b = samples.weights[y, x, 0], samples.weights[y, x, 1]
    material, uv, lit = surface.material, surface.uv, surface.lit
    points, normals, openness = surface.points, surface.normals, surface.openness
    texture, wrinkles, gloss = paint.texture, paint.wrinkles, paint.gloss
    lights = light.table
    m = material[t]
    c = np.float32(1) - a - b
    nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
    ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
    nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
    vx = -(a * points[i, 0] + b * points[j, 0] + c * points[k, 0])
    vy = -(a * points[i, 1] + b * points[j, 1] + c * points[k, 1])
    vz = -(a * points[i, 2] + b * points[j, 2] + c * points[k, 2])
    away = np.sqrt(vx * vx + vy * vy + vz * vz) + _TINY
    length = np.sqrt(nx * nx + ny * ny + nz * nz) + _TINY
    if nx * vx + ny * vy + nz * vz < 0:
        length = -length
    nx, ny, nz = nx / length, ny / length, nz / length
    vx, vy, vz = vx / away, vy / away, vz / away

    u = a * uv[t, 0, 0] + b * uv[t, 1, 0] + c * uv[t, 2, 0] - np.float32(0.5)
    v = a * uv[t, 0, 1] + b * uv[t, 1, 1] + c * uv[t, 2, 1] - np.float32(0.5)
    column = min(max(int(u), 0), texture.shape[1] - 2)
    row = min(max(int(v), 0), texture.shape[0] - 2)
    fu = min(max(u - np.float32(column), np.float32(0)), np.float32(1))
    fv = min(max(v - np.float32(row), np.float32(0)), np.float32(1))

    sx = a * lit[i, 0] + b * lit[j, 0] + c * lit[k, 0]
    sy = a * lit[i, 1] + b * lit[j, 1] + c * lit[k, 1]
    sz = a * lit[i, 2] + b * lit[j, 2] + c * lit[k, 2]
    seen = _unshadowed(light.shadow, sx, sy, sz)
    if m == MOUTH:
        seen = max(seen, 0.6)

    fold = np.float32(0)
    if m == SKIN and column < wrinkles.shape[1]:
        for q in range(4):
            fold += paint.wrinkling[q] * wrinkles[row, column, q]
        fold = min(np.float32(_MAX_WRINKLE), fold)

    free = a * openness[i] + b * openness[j] + c * openness[k]
    key = nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]
    fill = max(np.float32(0), nx * lights[2, 0] + ny * lights[2, 1] + nz * lights[2, 2])
    hx, hy, hz = lights[0, 0] + vx, lights[0, 1] + vy, lights[0, 2] + vz
    half = np.sqrt(hx * hx + hy * hy + hz * hz) + _TINY
    shine = np.float32(0)
    if key > 0 and gloss[m, 0] > 0.015:
        towards = max(np.float32(0), (nx * hx + ny * hy + nz * hz) / half)
        shine = gloss[m, 0] * towards ** gloss[m, 1] * seen
    sky = np.float32(0.62) + np.float32(0.38) * ny
    red = green = blue = 0.0
    for q in range(3):
        upper = texture[row, column, q] * (1 - fu) + texture[row, column + 1, q] * fu
        lower = texture[row + 1, column, q] * (1 - fu) + texture[row + 1, column + 1, q] * fu
        base = upper * (1 - fv) + lower * fv
        base *= 1 - fold * (0.75 if q == 0 else 1.0)
        wrap = gloss[m, 2] * (1.6 if q == 0 else 0.8)
        direct = max(0.0, (key + wrap) / (1 + wrap))
        direct *= seen if q > 0 else seen * 0.85 + 0.15
        falling = lights[1, q] * direct + (lights[3, q] * fill + lights[4, q] * sky) * free
        leaving = (base * falling + shine * lights[1, q]) * (0.5 + 0.5 * free)
        if q == 0:
            red = leaving
        elif q == 1:
            green = leaving
        else:
            blue = leaving
    return red, green, blue


@compiled
def shade(samples: Samples, surface: Surface, paint: Paint, light: Light, picture: Picture) -> None:
    """Draw a frame whose pixels were each rasterised at 2 x 2 points; `picture` is written.

    Points on one smooth surface share the colour of the first; at edges and in eyes each has
    its own.
    """
    colour, coverage = picture.colour, picture.coverage
    colour[:] = 0
    for y in range(coverage.shape[0]):
        for x in range(coverage.shape[1]):
            coverage[y, x] = 0
            points = _points_needed(samples, surface.material, 2 * y, 2 * x)
            part = np.float32(1 / points)
            for number in range(points):
                # Of two points, those on the diagonal.
                corner = 3 * number if points == 2 else number
                place = (2 * y + corner // 2, 2 * x + corner % 2)
                if samples.owner[place] < 0:
                    continue
                red, green, blue = _point_light(samples, surface, paint, light, place)
                colour[y, x, 0] += part * red
                colour[y, x, 1] += part * green
                colour[y, x, 2] += part * blue
                coverage[y, x] += part
