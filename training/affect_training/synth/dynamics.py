"""How a clip goes: arousal and valence over time, and blinks, gaze, head and speech with them.

Everything is laid out on a grid of 1/100 s and read off at the frames' times, so that the same
clip at another frame rate shows the same movement. Durations and amounts without a source are
ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affect_training.synth.expression import (
    MAX_UNIT,
    UNITS,
    ExpressionStyle,
    FloatArray,
    columns,
    face_units,
    valence_label,
)

STEP_S: Final = 0.01
BLINKS_PER_MINUTE: Final = 17.0
"""At rest: Bentivoglio et al. 1997, 10.1002/mds.870120629."""
BLINK_S: Final = 0.15
SYLLABLES_HZ: Final = (2.0, 7.0)
"""Rates of the mouth in speech: Chandrasekaran et al. 2009, 10.1371/journal.pcbi.1000436."""
SPEECH_SHARE: Final = 1 / 3
_NEUTRAL_SHARE: Final = 0.12


@dataclass(frozen=True, slots=True)
class Performance:
    """A clip's frames: labels, face units and pose, one row a frame.

    `time_s`, `arousal`, `valence` (n,); `units` (n, 52); `pose` (n, 3): yaw, pitch, roll in
    radians; `gaze` (n, 2) in radians; `shift` (n, 2) as shares of the frame's height. All are
    float64.
    """

    time_s: FloatArray
    arousal: FloatArray
    valence: FloatArray
    units: FloatArray
    pose: FloatArray
    gaze: FloatArray
    shift: FloatArray
    speaks: bool

    def __post_init__(self) -> None:
        n = len(self.time_s)
        shapes = {"arousal": (n,), "valence": (n,), "units": (n, len(UNITS))}
        shapes |= {"pose": (n, 3), "gaze": (n, 2), "shift": (n, 2)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")
        if not max(np.abs(self.arousal).max(), np.abs(self.valence).max()) <= 1:
            raise ValueError("arousal and valence must lie in [-1, 1]")


def perform(frames: int, fps: float, resting: FloatArray, rng: np.random.Generator) -> Performance:
    """Draw what happens in a clip.

    Valence is drawn as the mapping to units has it, and labelled with its zero at rest.

    Args:
        frames: how many, the k-th at k / fps seconds.
        fps: frames a second.
        resting: (52,), units of the person's resting face; they are no part of the label.
        rng: decides everything.
    """
    grid = np.arange(0, frames / fps + STEP_S, STEP_S, dtype=np.float64)
    affect = affect_traces(grid, rng)
    arousal, valence = affect.T
    style = ExpressionStyle.random(rng)
    units = face_units(arousal, valence, style)
    # A full smile hides a resting frown: what the face does replaces part of how it rests.
    shown = np.clip(np.abs(affect).max(axis=1), 0, 1)[:, None]
    units = units + resting * (1 - 0.6 * shown)
    speaks = bool(rng.random() < SPEECH_SHARE)
    if speaks:
        _speak(units, grid, arousal, rng)
    _relax_lids(units)
    _blink(units, grid, arousal, rng)
    pose, shift = _head_motion(grid, arousal, rng)
    gaze = _gaze(grid, rng)
    time_s = np.arange(frames) / fps
    at = np.minimum(np.round(time_s / STEP_S).astype(int), len(grid) - 1)
    return Performance(
        time_s=time_s,
        arousal=arousal[at],
        valence=valence_label(valence[at]),
        units=np.clip(units[at], 0, MAX_UNIT),
        pose=pose[at],
        gaze=gaze[at],
        shift=shift[at],
        speaks=speaks,
    )


def affect_traces(grid: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Arousal and valence over time, (n, 2): episodes over a slow drift.

    A clip has a level of its own, drawn evenly from the square. Episodes go from it to another
    place in the square and back: onset, apex, offset. Spontaneous onsets take about half a
    second and offsets longer; the range here is wider. Episodes are held for less long and
    follow one another sooner than people's do: what one face does apart from what it is can
    only be learned where one face does several things.
    """
    level = _place(rng)
    trace = np.tile(level, (len(grid), 1))
    now = rng.exponential(0.5)
    while now < grid[-1]:
        onset, apex, offset = rng.uniform((0.3, 0.2, 0.4), (1.2, 1.4, 1.6))
        rise = _ease((grid - now) / onset)
        fall = _ease((grid - now - onset - apex) / offset)
        share = (rise - fall)[:, None] * rng.uniform(0.6, 1)
        trace += share * (_place(rng) - level)
        if rng.random() < 0.5:
            # It does not go back: the clip's level has changed.
            kept = fall[:, None] * rng.uniform(0.5, 1)
            moved = _place(rng) - level
            trace += kept * moved
            level = level + moved * kept[-1]
        now += onset + apex + offset + rng.exponential(0.4)
    drift = np.stack([wander(grid, 2.5, rng), wander(grid, 2.5, rng)], axis=1)
    return np.clip(trace + 0.06 * drift, -1, 1)


def wander(grid: FloatArray, time_constant_s: float, rng: np.random.Generator) -> FloatArray:
    """An Ornstein-Uhlenbeck process of mean 0 and standard deviation 1, smoothed, (n,)."""
    decay = np.exp(-STEP_S / time_constant_s)
    noise = rng.standard_normal(len(grid)) * np.sqrt(1 - decay**2)
    values = np.empty(len(grid))
    value = rng.standard_normal()
    for i, kick in enumerate(noise):
        value = decay * value + kick
        values[i] = value
    width = max(1, min(len(grid), round(0.2 * time_constant_s / STEP_S)))
    kernel = np.ones(width) / width
    padded = np.pad(values, (width - 1, 0), mode="edge")
    return np.asarray(np.convolve(padded, kernel, mode="valid"), dtype=np.float64)


def _place(rng: np.random.Generator) -> FloatArray:
    """Somewhere in the square of arousal and valence; now and then near its middle."""
    if rng.random() < _NEUTRAL_SHARE:
        return rng.normal(0, 0.08, 2)
    return rng.uniform(-1, 1, 2)


def _ease(t: FloatArray) -> FloatArray:
    """0 before 0, 1 after 1, with no jerk at either end (the minimum-jerk polynomial)."""
    t = np.clip(t, 0, 1)
    return np.asarray(t**3 * (10 - 15 * t + 6 * t**2))


def _speak(
    units: FloatArray, grid: FloatArray, arousal: FloatArray, rng: np.random.Generator
) -> None:
    """The mouth opens and rounds at the rate of syllables, in phrases; written."""
    rate = rng.uniform(*SYLLABLES_HZ) * 0.5 + 1.8
    phase = 2 * np.pi * np.cumsum(rate * (1 + 0.25 * wander(grid, 0.4, rng))) * STEP_S
    loud = 0.55 + 0.25 * arousal + 0.25 * wander(grid, 0.3, rng)
    talking = _ease((wander(grid, 1.2, rng) + 0.6) / 0.4)
    opening = np.clip(0.5 - 0.5 * np.cos(phase), 0, 1) * np.clip(loud, 0.1, 1.2) * talking
    units[:, columns("jawOpen")] += 0.3 * opening[:, None]
    for unit, amount in (("mouthFunnel", 0.25), ("mouthPucker", 0.2), ("mouthLowerDown", 0.25)):
        shape = np.clip(wander(grid, 0.15, rng), 0, 2) * talking
        units[:, columns(unit)] += amount * shape[:, None]


def _relax_lids(units: FloatArray) -> None:
    """Drooping and looking down together may not shut the eyes outside a blink; written."""
    lids = columns("eyeBlink")
    units[:, lids] = np.minimum(units[:, lids], 0.6)


def _blink(
    units: FloatArray, grid: FloatArray, arousal: FloatArray, rng: np.random.Generator
) -> None:
    """Blinks, longer and slower as arousal falls (10.1007/s00421-003-0807-5); written."""
    lids = columns("eyeBlink")
    now = rng.exponential(60 / BLINKS_PER_MINUTE)
    while now < grid[-1]:
        calm = max(0.0, -float(arousal[int(now / STEP_S)]))
        length = (BLINK_S + 0.3 * calm) * np.exp(rng.normal(0, 0.25))
        t = (grid - now) / length
        # Lids close in a third of the time they take to open.
        closed = np.where(t < 0.3, _ease(t / 0.3), 1 - _ease((t - 0.4) / 0.6))
        closed = np.where((t > 0) & (t < 1), closed, 0)[:, None]
        units[:, lids] = np.maximum(units[:, lids], closed)
        now += length + 0.2 + rng.exponential(60 / BLINKS_PER_MINUTE)
    units[:, lids] = np.minimum(units[:, lids], 1)


def _head_motion(
    grid: FloatArray, arousal: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Yaw, pitch and roll (n, 3), and the face's shift in the frame (n, 2)."""
    lively = 0.3 + 0.7 * (arousal + 1) / 2
    widest = 0.61 if rng.random() < 0.92 else 0.95
    base = np.array(
        [
            np.clip(rng.normal(0, 0.24 if widest < 0.7 else 0.5), -widest, widest),
            np.clip(rng.normal(0.0, 0.1), -0.3, 0.3),
            np.clip(rng.normal(0, 0.07), -0.25, 0.25),
        ]
    )
    motion = np.stack([wander(grid, 0.9, rng) for _ in range(3)], axis=1)
    pose = base + motion * lively[:, None] * np.array([0.12, 0.06, 0.045])
    pose[:, 1] += 0.15 * np.maximum(-arousal, 0)
    pose = np.clip(pose, (-1.05, -0.5, -0.5), (1.05, 0.55, 0.5))
    shift = np.stack([wander(grid, 1.2, rng), wander(grid, 1.2, rng)], axis=1)
    return pose, shift * lively[:, None] * 0.01


def _gaze(grid: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Fixations of about 0.7 s with jumps between them, mostly towards the camera, (n, 2)."""
    aim = rng.normal(0, (0.07, 0.04))
    gaze = np.empty((len(grid), 2))
    now = 0.0
    while now <= grid[-1]:
        away = rng.random() < 0.15
        spread = (0.28, 0.14) if away else (0.05, 0.03)
        gaze[int(now / STEP_S) :] = aim + rng.normal(0, spread)
        now += 0.15 + rng.exponential(0.7)
    return np.clip(gaze, (-0.5, -0.25), (0.5, 0.25))
