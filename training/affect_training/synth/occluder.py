"""Things that come before the face for a while: a hand, a mug, a telephone, a microphone.

They are flat pictures with soft edges, drawn over the person's light. They never hide more
than part of the face: what cannot be seen cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from affect_training.synth.kernels import Float32

Kind = Literal["hand", "mug", "telephone", "microphone"]
SHARE: Final = 0.16
"""Clips with something before the face."""


@dataclass(frozen=True, slots=True)
class Occluder:
    """One thing, and when and where it is.

    Args:
        kind: what it is.
        start_s, end_s: when it is there; it moves in and out within 0.4 s.
        place: of its middle from the face's middle, in face heights (x right, y down).
        size: in face heights.
        angle: radians.
        colour: linear R, G, B.
    """

    kind: Kind
    start_s: float
    end_s: float
    place: tuple[float, float]
    size: float
    angle: float
    colour: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not (self.start_s < self.end_s and self.size > 0):
            raise ValueError(f"not an occluder: {self}")

    @classmethod
    def draw(cls, seconds: float, skin: Float32, rng: np.random.Generator) -> Occluder | None:
        """Something for a clip of this length, or None in most clips."""
        if rng.random() >= SHARE:
            return None
        kind: Kind = ("hand", "hand", "mug", "telephone", "microphone")[int(rng.integers(5))]
        side = float(rng.choice([-1, 1]))
        length = rng.uniform(0.3, 1) * min(seconds, 5)
        start = rng.uniform(-0.2, max(0.0, seconds - length))
        # Hand and telephone lie at a cheek; mug and microphone before the chin.
        cheek = (side * rng.uniform(0.42, 0.6), rng.uniform(0.1, 0.45))
        chin = (side * rng.uniform(0, 0.3), rng.uniform(0.5, 0.66))
        at_cheek = kind == "telephone" or (kind == "hand" and rng.random() < 0.6)
        x, y = cheek if at_cheek else chin
        colour = skin if kind == "hand" else rng.uniform(0.02, 0.7) * rng.uniform(0.4, 1, 3)
        red, green, blue = (float(c) for c in colour)
        return cls(
            kind=kind,
            start_s=float(start),
            end_s=float(start + length),
            place=(float(x), float(y)),
            size=float(rng.uniform(0.5, 0.7) if kind == "hand" else rng.uniform(0.35, 0.5)),
            angle=float(side * rng.uniform(0.0, 0.5)),
            colour=(red, green, blue),
        )

    def cover(
        self, light: Float32, time_s: float, middle: tuple[float, float], face: float, bright: float
    ) -> Float32:
        """The frame with the thing before it, float32 (height, width, 3).

        Args:
            light: linear, float32 (height, width, 3).
            time_s: of the frame.
            middle: of the face in pixels.
            face: its height in pixels.
            bright: light that falls on the thing.
        """
        there = min(time_s - self.start_s, self.end_s - time_s) / 0.4
        if there <= 0:
            return light
        away = (1 - min(there, 1.0)) ** 2
        x = middle[0] + self.place[0] * face * (1 + 0.6 * away)
        y = middle[1] + (self.place[1] + 0.9 * away) * face
        mask, shade = _picture(
            self.kind, (light.shape[0], light.shape[1]), (x, y), self.size * face, self.angle
        )
        picture = shade[..., None] * (np.array(self.colour, dtype=np.float32) * np.float32(bright))
        return np.asarray(light * (1 - mask[..., None]) + picture * mask[..., None], np.float32)


def _picture(
    kind: Kind, shape: tuple[int, int], at: tuple[float, float], size: float, angle: float
) -> tuple[Float32, Float32]:
    """Coverage and brightness, each float32 (height, width)."""
    mask: Float32 = np.zeros(shape, dtype=np.float32)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(x: float, y: float) -> tuple[int, int]:
        px, py = turn @ np.array([x, y]) * size + np.array(at)
        return int(np.clip(px, -4000, 4000)), int(np.clip(py, -4000, 4000))

    def line(start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        thickness = max(1, round(width * size))
        cv2.line(mask, place(*start), place(*end), 1.0, thickness, cv2.LINE_AA)

    def box(x0: float, y0: float, x1: float, y1: float) -> None:
        corners = [place(x0, y0), place(x1, y0), place(x1, y1), place(x0, y1)]
        cv2.fillConvexPoly(mask, np.array(corners, dtype=np.int32), 1.0, cv2.LINE_AA)

    creases = np.zeros(shape, dtype=np.float32)
    if kind == "hand":
        line((0, 0.15), (0, 0.6), 0.42)
        line((0, 0.6), (0.05, 3.0), 0.36)
        for x, reach in ((-0.17, -0.3), (-0.055, -0.42), (0.06, -0.38), (0.17, -0.24)):
            line((x, 0.1), (x * 1.15, reach), 0.11)
            gap, width = x + 0.057, max(1, round(0.012 * size))
            cv2.line(creases, place(gap, 0.05), place(gap * 1.1, -0.28), 1.0, width, cv2.LINE_AA)
        line((-0.15, 0.3), (-0.36, 0.02), 0.12)
    elif kind == "mug":
        box(-0.3, -0.35, 0.3, 0.45)
        line((0.3, -0.15), (0.45, 0.05), 0.07)
        line((0.45, 0.05), (0.3, 0.3), 0.07)
    elif kind == "telephone":
        box(-0.19, -0.4, 0.19, 0.4)
    else:
        line((0, 0), (0, 0.01), 0.34)
        line((0, 0.1), (0.05, 3.0), 0.13)
    soft = max(0.6, 0.012 * size)
    mask = np.clip(cv2.GaussianBlur(mask, (0, 0), soft), 0, 1).astype(np.float32)
    depth = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.06 * size))
    shade = (0.35 + 0.65 * depth) * (1 - 0.45 * cv2.GaussianBlur(creases, (0, 0), soft))
    return mask, np.asarray(shade, dtype=np.float32)
