"""What a camera makes of the light: exposure, white balance, lens, noise, low resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from affect_training.synth.kernels import Float32, Tone, develop

_MIDDLE: Final = 0.2
"""Linear brightness that an automatic exposure aims at."""
_BRIGHTEST: Final = 2.0
"""Linear brightness at which the tone curve's table ends; the curve is flat before it."""
_LEVELS: Final = 8192


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera's ways, for a whole clip.

    Args:
        gain: exposure, on top of the automatic one.
        balance: (3,), what white balance leaves behind in R, G, B.
        gamma: of the curve from light to values.
        shoulder: how early highlights flatten.
        blur: of lens and focus, pixels.
        motion: of movement while the shutter is open, pixels along `motion_angle` (radians).
        noise: of the sensor in the dark, and how it grows with light.
        resolution: share of the frame's size that the sensor really resolves.
        sharpening: how much edges are lifted.
        vignette: darkening in the corners.
        saturation: 0 for black and white.
    """

    gain: float
    balance: tuple[float, float, float]
    gamma: float
    shoulder: float
    blur: float
    motion: float
    motion_angle: float
    noise: tuple[float, float]
    resolution: float
    sharpening: float
    vignette: float
    saturation: float

    def __post_init__(self) -> None:
        if not (self.gain > 0 and self.gamma > 0 and 0 < self.resolution <= 1):
            raise ValueError(f"not a camera: {self}")

    @classmethod
    def draw(cls, face_pixels: float, rng: np.random.Generator) -> Camera:
        """A random camera, kept sharp enough to read a face of this many pixels in height."""
        red, blue = np.exp(rng.normal(0, 0.07, 2))
        finest = min(1.0, 48 / face_pixels)
        poor = rng.random() < 0.3
        return cls(
            gain=float(np.exp(rng.normal(0, 0.25))),
            balance=(float(red), 1.0, float(blue)),
            gamma=float(rng.uniform(1.9, 2.5)),
            shoulder=float(rng.uniform(0.05, 0.5)),
            blur=float(rng.uniform(0, 0.012) * face_pixels * (rng.random() < 0.6)),
            motion=float(rng.uniform(0.01, 0.05) * face_pixels * (rng.random() < 0.15)),
            motion_angle=float(rng.uniform(0, np.pi)),
            noise=(float(rng.exponential(0.006)), float(rng.exponential(0.012))),
            resolution=float(rng.uniform(finest, 1.0)) if poor else 1.0,
            sharpening=float(rng.uniform(0.2, 0.9) * (rng.random() < 0.35)),
            vignette=float(rng.uniform(0, 0.35) * (rng.random() < 0.5)),
            saturation=0.0 if rng.random() < 0.06 else float(rng.uniform(0.75, 1.2)),
        )

    def exposure(self, first: Float32, coverage: Float32) -> float:
        """Gain that brings the person in the clip's first frame to a middle brightness."""
        seen = coverage > 0.5
        level = float(np.mean(first[seen])) if seen.any() else float(np.mean(first))
        # An automatic exposure goes most of the way; dark skin stays darker than light skin.
        return float(self.gain * (_MIDDLE / max(level, 0.01)) ** 0.7)

    def take(self, light: Float32, gain: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """One frame.

        Args:
            light: linear R, G, B, float32 (height, width, 3).
            gain: from `exposure`.
            rng: of the noise.

        Returns:
            R, G, B uint8 (height, width, 3).
        """
        height, width = light.shape[:2]
        image = light * (np.float32(gain) * np.array(self.balance, dtype=np.float32))
        if self.vignette:
            image *= _vignette(height, width, self.vignette)
        if self.motion >= 1:
            image = cv2.filter2D(image, -1, _streak(self.motion, self.motion_angle))
        if self.blur > 0.2:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        if self.resolution < 1:
            small = (
                max(32, round(width * self.resolution)),
                max(32, round(height * self.resolution)),
            )
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = self._sense(image, rng)
        if self.resolution < 1:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        if self.sharpening:
            soft = cv2.GaussianBlur(image, (0, 0), 1.2)
            image = image + np.float32(self.sharpening) * (image - soft)
        return np.asarray(np.clip(image * 255 + 0.5, 0, 255), dtype=np.uint8)

    def _sense(self, image: Float32, rng: np.random.Generator) -> Float32:
        """Noise of electrons and of light, the tone curve, saturation."""
        dark, lit = self.noise
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        level = np.linspace(0, _BRIGHTEST, _LEVELS, dtype=np.float32)
        curve = level * (1 + self.shoulder) / (1 + self.shoulder * level)
        curve = np.minimum(curve, 1) ** (1 / self.gamma)
        tone = Tone(dark, lit, curve.astype(np.float32), _BRIGHTEST, self.saturation)
        developed = np.empty_like(image)
        develop(image, grain, tone, developed)
        return developed


def _vignette(height: int, width: int, amount: float) -> Float32:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return np.asarray(1 - amount * (x * x + y * y) / 2, dtype=np.float32)[..., None]


def _streak(length: float, angle: float) -> Float32:
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), dtype=np.float32)
    middle = side // 2
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    ends = [(round(middle + s * dx), round(middle + s * dy)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
