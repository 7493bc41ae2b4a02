"""Around the person: frame shape, where the camera stands, light, background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from affect_training.synth.canvas import clouds
from affect_training.synth.kernels import Float32
from affect_training.synth.renderer import FACE_OF_HEAD, Lighting, View

_ASPECTS: Final = (1.0, 1.0, 4 / 3, 4 / 3, 16 / 9, 3 / 4)


@dataclass(frozen=True, slots=True)
class Scene:
    """What stays while a clip lasts; `background` is float32 (height, width, 3), linear."""

    view: View
    lighting: Lighting
    background: Float32

    def __post_init__(self) -> None:
        if self.background.shape != (self.view.height, self.view.width, 3):
            raise ValueError(f"background {self.background.shape} does not fit {self.view}")


def make_scene(size: int, rng: np.random.Generator) -> Scene:
    """Draw a scene whose frames are `size` pixels high."""
    view = _view(size, rng)
    lighting = _lighting(rng)
    light = float(lighting.key_colour.mean() + lighting.around.mean())
    background = _background(view, rng) * np.float32(light * rng.uniform(0.35, 0.9))
    return Scene(view, lighting, np.clip(background, 0.002, 3).astype(np.float32))


def _view(size: int, rng: np.random.Generator) -> View:
    """The face takes 0.2 to 0.75 of the frame's height; the whole of it stays in the frame."""
    width = 2 * round(size * rng.choice(_ASPECTS) / 2)
    face = float(np.exp(rng.uniform(np.log(0.2), np.log(0.75))))
    room = max(0.0, 0.42 - face / 2)
    sideways = max(0.0, 0.46 - 0.5 * face * size / width)
    centre = (
        0.5 + float(np.clip(rng.normal(0, 0.12), -sideways, sideways)),
        0.5 + float(np.clip(rng.normal(-0.02, 0.1), -room, room)),
    )
    distance = float(np.exp(rng.uniform(np.log(0.45), np.log(2.0))))
    return View(width, size, distance, face / FACE_OF_HEAD, centre)


def _lighting(rng: np.random.Generator) -> Lighting:
    side, height = rng.normal(0, 0.7), rng.uniform(-0.1, 1.0)
    key = _direction(float(np.clip(side, -1.5, 1.5)), height)
    warmth = rng.normal(0, 0.12)
    tint = np.exp(np.array([warmth, 0.0, -1.3 * warmth]))
    strength = rng.uniform(0.5, 1.5)
    fill = _direction(-float(np.sign(side)) * rng.uniform(0.3, 1.8), rng.uniform(-0.3, 0.6))
    fill_tint = np.exp(rng.normal(0, 0.12, 3))
    around = rng.uniform(0.18, 0.6) * np.exp(rng.normal(0, 0.06, 3))
    return Lighting(
        key=key,
        key_colour=(strength * tint).astype(np.float32),
        fill=fill,
        fill_colour=(rng.uniform(0, 0.5) * fill_tint).astype(np.float32),
        around=around.astype(np.float32),
    )


def _direction(azimuth: float, elevation: float) -> Float32:
    return np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ],
        dtype=np.float32,
    )


def _background(view: View, rng: np.random.Generator) -> Float32:
    shape = (view.height, view.width)
    colour = rng.uniform(0.05, 0.8) * np.exp(rng.normal(0, 0.15, 3))
    image = np.empty((*shape, 3), dtype=np.float32)
    image[:] = colour
    grains = {max(2, view.height // 2): 0.25, max(2, view.height // 6): 0.12}
    image *= np.clip(1 + clouds(rng, shape, grains), 0.2, 2)[..., None]
    kind = rng.choice(["plain", "room", "room", "outdoors", "wall"])
    if kind == "room":
        _furnish(image, rng)
    elif kind == "outdoors":
        _landscape(image, rng)
    elif kind == "wall":
        _tile(image, rng)
    blur = float(np.exp(rng.uniform(np.log(0.4), np.log(0.04 * view.height))))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), blur), dtype=np.float32)


def _furnish(image: Float32, rng: np.random.Generator) -> None:
    """Windows, shelves, doors: rectangles with an inner one, and rows of books."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(2, 9))):
        x, y = int(rng.integers(-width // 6, width)), int(rng.integers(-height // 6, height))
        w, h = int(rng.integers(width // 10, width // 2)), int(rng.integers(height // 10, height))
        colour = _colour(rng)
        cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
        style = rng.random()
        if style < 0.35:
            inset = max(2, w // 10)
            corner = (x + w - inset, y + h - inset)
            cv2.rectangle(image, (x + inset, y + inset), corner, _colour(rng), -1)
        elif style < 0.6:
            for left in range(x, x + w, max(3, w // 9)):
                right = left + max(2, w // 10)
                cv2.rectangle(image, (left, y + h // 3), (right, y + h), _colour(rng), -1)
    if rng.random() < 0.4:
        at = (int(rng.integers(0, width)), int(rng.integers(0, height // 2)))
        cv2.circle(image, at, int(rng.integers(3, height // 8)), _colour(rng, brightest=2.0), -1)


def _landscape(image: Float32, rng: np.random.Generator) -> None:
    """Sky, ground and leaves."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.3, 0.8))
    image[:horizon] = rng.uniform(0.4, 1.1) * np.array([0.75, 0.88, 1.0])
    image[horizon:] = rng.uniform(0.05, 0.4) * np.array([0.8, 1.0, 0.6])
    leaves = clouds(rng, (height, width), {max(2, height // 12): 0.8, max(2, height // 40): 0.6})
    green = np.array([0.1, 0.18, 0.06]) * rng.uniform(0.4, 2)
    above = rng.uniform(0.2, 0.9) * height
    share = np.clip((leaves + (np.arange(height)[:, None] - above) / height * 4) * 2, 0, 1)
    image[:] = image * (1 - share[..., None]) + green * share[..., None]


def _tile(image: Float32, rng: np.random.Generator) -> None:
    """Bricks, tiles or panels."""
    height, width = image.shape[:2]
    h = int(rng.integers(max(4, height // 24), max(6, height // 5)))
    w = int(h * rng.uniform(0.6, 3))
    joint = _colour(rng)
    for row, y in enumerate(range(0, height, h)):
        start = -(w // 2) * (row % 2)
        image[y : y + 1] = joint
        for x in range(start, width, w):
            if x > 0:
                image[y : y + h, x : x + 1] = joint
            image[y + 1 : y + h, max(0, x + 1) : max(0, x + w)] *= rng.uniform(0.8, 1.2)


def _colour(rng: np.random.Generator, brightest: float = 0.9) -> tuple[float, float, float]:
    grey = rng.uniform(0.02, brightest)
    red, green, blue = np.clip(grey * np.exp(rng.normal(0, 0.35, 3)), 0.01, 2)
    return float(red), float(green), float(blue)
