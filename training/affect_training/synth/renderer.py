"""Draws a posed person: linear colours and how much of each pixel they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from affect_training.synth.assets import Float32
from affect_training.synth.canvas import Canvas
from affect_training.synth.expression import FloatArray
from affect_training.synth.kernels import Samples, rasterise
from affect_training.synth.person import Person
from affect_training.synth.rig import Pose, Rig
from affect_training.synth.shading import Light, Paint, Picture, Surface, shade

SUPERSAMPLING: Final = 2
"""Points a pixel, in each direction; `shade` is written for two."""
HEAD_HEIGHT_M: Final = 0.21
"""Chin to crown, for the scale of the view."""
FACE_OF_HEAD: Final = 0.86
"""Chin to hairline as a share of chin to crown."""
_SHADOW_SIDE: Final = 256
_SHADOW_SPAN_M: Final = 0.42


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands.

    Args:
        width, height: of the frame in pixels.
        distance: metres to the middle of the face; near is wide-angle.
        head: chin to crown as a share of the frame's height.
        centre: of the face, as shares of width and height from the top left.
    """

    width: int
    height: int
    distance: float
    head: float
    centre: tuple[float, float]

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 32 or self.distance < 0.25 or self.head <= 0:
            raise ValueError(f"not a view: {self}")

    @property
    def face_pixels(self) -> float:
        """Chin to hairline, in pixels of the frame."""
        return self.head * FACE_OF_HEAD * self.height

    def face_middle(self, shift: tuple[float, float]) -> tuple[float, float]:
        """The face's middle in pixels, moved by shares of the frame's height."""
        x, y = self.centre
        return x * self.width + shift[0] * self.height, (y + shift[1]) * self.height


@dataclass(frozen=True, slots=True)
class Lighting:
    """Directions point towards the lights, unit, y up; colours are linear R, G, B."""

    key: Float32
    key_colour: Float32
    fill: Float32
    fill_colour: Float32
    around: Float32

    def __post_init__(self) -> None:
        for name in ("key", "key_colour", "fill", "fill_colour", "around"):
            if getattr(self, name).shape != (3,):
                raise ValueError(f"{name} must have shape (3,)")

    def table(self) -> Float32:
        """As the shader takes it, (5, 3)."""
        rows = (self.key, self.key_colour, self.fill, self.fill_colour, self.around)
        return np.stack(rows).astype(np.float32)


class Renderer:
    """Draws one person under one light from one place; keeps its buffers between frames."""

    def __init__(
        self, rig: Rig, person: Person, canvas: Canvas, view: View, lighting: Lighting
    ) -> None:
        self._rig, self._person, self._canvas = rig, person, canvas
        self._view, self._lighting = view, lighting
        self._samples = Samples.empty(view.height * SUPERSAMPLING, view.width * SUPERSAMPLING)
        self._shadow = Samples.empty(_SHADOW_SIDE, _SHADOW_SIDE)
        self._colour = np.empty((view.height, view.width, 3), dtype=np.float32)
        self._coverage = np.empty((view.height, view.width), dtype=np.float32)
        self._show_all = np.zeros(len(rig.triangles), dtype=bool)
        self._texture = _prefiltered(person.texture, view)

    def draw(
        self, units: FloatArray, pose: Pose, shift: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Float32, Float32]:
        """One frame.

        Args:
            units: (52,), face units.
            pose: of the head and the eyes.
            shift: of the face, as shares of the frame's height.

        Returns:
            Linear R, G, B float32 (height, width, 3), and coverage in [0, 1], float32
            (height, width); colours are multiplied by it. The next call overwrites both.
        """
        rig, view = self._rig, self._view
        points, normals = rig.posed(units, pose)
        lit = self._cast_shadows(points)
        points[:, 2] -= view.distance
        self._rasterise(points, shift)
        surface = Surface(rig.triangles, rig.uv, rig.material, points, normals, rig.openness, lit)
        paint = Paint(
            self._texture, self._canvas.wrinkles, rig.wrinkling(units), self._person.gloss
        )
        light = Light(self._lighting.table(), self._shadow.nearness)
        shade(self._samples, surface, paint, light, Picture(self._colour, self._coverage))
        return self._colour, self._coverage

    def _cast_shadows(self, points: Float32) -> Float32:
        towards = self._lighting.key
        across = np.cross(np.array([0, 1, 0], dtype=np.float32), towards)
        across = across / np.linalg.norm(across)
        upwards = np.cross(towards, across)
        axes = np.stack([across, upwards, -towards]).astype(np.float32)
        lit = np.asarray(points @ axes.T, dtype=np.float32)
        lit[:, :2] = lit[:, :2] * (_SHADOW_SIDE / _SHADOW_SPAN_M) + _SHADOW_SIDE / 2
        lit[:, 2] += 2  # the light is far away; depths only have to be positive
        rasterise(lit, self._rig.triangles, self._show_all, self._shadow)
        return np.ascontiguousarray(lit)

    def _rasterise(self, points: Float32, shift: tuple[float, float]) -> None:
        view = self._view
        height = view.height * SUPERSAMPLING
        focal = view.head * height * view.distance / HEAD_HEIGHT_M
        away = np.maximum(-points[:, 2], 0.05)
        on_screen = np.empty_like(points)
        x = view.centre[0] * view.width * SUPERSAMPLING + shift[0] * height
        y = view.centre[1] * height + shift[1] * height
        on_screen[:, 0] = x + focal * points[:, 0] / away
        on_screen[:, 1] = y - focal * points[:, 1] / away
        on_screen[:, 2] = away
        rasterise(on_screen, self._rig.triangles, self._rig.hide_back, self._samples)


def _prefiltered(texture: Float32, view: View) -> Float32:
    """The texture, blurred where several of its pixels fall into one of the frame's."""
    # The head's skin, unrolled, is about three times as high as it looks from the front.
    head_pixels = view.head * view.height
    shrink = texture.shape[0] / 3 * 2 / head_pixels
    if shrink < 1.3:
        return texture
    return np.asarray(cv2.GaussianBlur(texture, (0, 0), 0.4 * shrink), dtype=np.float32)
