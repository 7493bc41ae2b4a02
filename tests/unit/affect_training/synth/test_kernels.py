from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_training.synth.kernels import Samples, Tone, develop, rasterise, ride, vertex_normals

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
SIZE = 24


def drawn(points: Floats, triangles: Ints, *, hide_back: bool = False) -> Samples:
    samples = Samples.empty(SIZE, SIZE)
    hidden = np.full(len(triangles), hide_back)
    rasterise(points.astype(np.float32), triangles.astype(np.int32), hidden, samples)
    return samples


def reference(points: Floats, triangles: Ints) -> tuple[Ints, Floats, Floats]:
    """Straight from the definition, in float64: nearest triangle over each pixel's middle."""
    owner, near = np.full((SIZE, SIZE), -1), np.zeros((SIZE, SIZE))
    margin: Floats = np.full((SIZE, SIZE), np.inf)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    for number, corners in enumerate(triangles):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = points[corners]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6:
            continue
        a = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
        b = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
        c = 1 - a - b
        least = np.minimum(np.minimum(a, b), c)
        margin = np.minimum(margin, np.abs(least))
        value = a / z0 + b / z1 + c / z2
        margin = np.where(least > 0, np.minimum(margin, np.abs(value - near)), margin)
        better = (least >= 0) & (value > near)
        owner[better], near[better] = number, value[better]
    return owner, near, margin


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_each_pixel_shows_the_nearest_triangle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-6, -6, 1), (30, 30, 3), (18, 3)).astype(np.float32)
    triangles = np.arange(18).reshape(6, 3)
    samples = drawn(points, triangles)
    owner, near, margin = reference(points.astype(float), triangles)
    clear = margin > 1e-3  # elsewhere float32 may decide otherwise
    np.testing.assert_array_equal(samples.owner[clear], owner[clear])
    np.testing.assert_allclose(samples.nearness[clear], near[clear], rtol=1e-3)


def test_weights_are_right_in_perspective() -> None:
    """A pixel's weights, applied to the corners in space, give the point that projects there."""
    space = np.array([[-1.0, -1, 2], [3, -1, 6], [0, 2, 3]])
    points = np.column_stack(
        [12 + 8 * space[:, 0] / space[:, 2], 12 + 8 * space[:, 1] / space[:, 2], space[:, 2]]
    )
    samples = drawn(points, np.array([[0, 1, 2]]))
    rows, columns = np.nonzero(samples.owner == 0)
    assert len(rows) > 20
    first = samples.weights[rows, columns]
    weights = np.column_stack([first, 1 - first.sum(axis=1)])
    where = weights @ space
    np.testing.assert_allclose(12 + 8 * where[:, 0] / where[:, 2], columns + 0.5, atol=1e-3)
    np.testing.assert_allclose(12 + 8 * where[:, 1] / where[:, 2], rows + 0.5, atol=1e-3)


def test_backs_are_hidden_where_asked() -> None:
    points = np.array([[2, 2, 1], [20, 2, 1], [2, 20, 1]])  # clockwise where y points up
    back, front = np.array([[0, 1, 2]]), np.array([[0, 2, 1]])
    assert (drawn(points, back).owner >= 0).any()
    assert not (drawn(points, back, hide_back=True).owner >= 0).any()
    assert (drawn(points, front, hide_back=True).owner >= 0).any()


def test_normals_of_a_sphere_point_outwards() -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    heights = np.linspace(-0.9, 0.9, 12)
    ring = np.sqrt(1 - heights**2)
    points = np.array(
        [
            (r * np.cos(a), r * np.sin(a), h)
            for h, r in zip(heights, ring, strict=True)
            for a in angles
        ]
    )
    index = np.arange(len(points)).reshape(12, 24)
    a, b = index[:-1], np.roll(index, -1, axis=1)[:-1]
    c, d = index[1:], np.roll(index, -1, axis=1)[1:]
    faces = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    )
    normals = np.empty(points.shape, dtype=np.float32)
    vertex_normals(points.astype(np.float32), faces.astype(np.int32), normals)
    assert ((normals * points).sum(axis=1)[24:-24] > 0.99).all()


def test_what_rides_keeps_its_weights_and_offset() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 3)).astype(np.float32)
    root = rng.integers(0, 9, (5, 3)).astype(np.int32)
    share = rng.dirichlet((1, 1, 1), 5).astype(np.float32)
    offset = rng.normal(size=(5, 3)).astype(np.float32)
    riding = np.empty((5, 3), dtype=np.float32)
    ride(points, root, share, offset, riding)
    expected = (points[root] * share[..., None]).sum(axis=1) + offset
    np.testing.assert_allclose(riding, expected, atol=1e-6)


def test_a_noiseless_sensor_follows_the_curve_and_grey_has_no_colour() -> None:
    light = np.random.default_rng(1).uniform(0, 1.5, (8, 9, 3)).astype(np.float32)
    curve = np.linspace(0, 2, 8192, dtype=np.float32).clip(0, 1)
    developed = np.empty_like(light)
    grain = np.ones_like(light)
    develop(light, grain, Tone(0.0, 0.0, curve, 2.0, 1.0), developed)
    np.testing.assert_allclose(developed, light.clip(0, 1), atol=1e-3)
    develop(light, grain, Tone(0.0, 0.0, curve, 2.0, 0.0), developed)
    assert np.ptp(developed, axis=2).max() < 1e-6
    develop(light, grain, Tone(0.1, 0.0, curve, 2.0, 1.0), developed)
    np.testing.assert_allclose(developed, (light + 0.1).clip(0, 1), atol=1e-3)
