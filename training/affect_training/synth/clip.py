"""One clip: seed -> mp4 and its labels. A function of configuration, person and clip alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affect_training.synth.assets import Head, load_head
from affect_training.synth.camera import Camera
from affect_training.synth.canvas import Canvas
from affect_training.synth.config import SynthConfig
from affect_training.synth.dynamics import Performance, perform
from affect_training.synth.encode import Encoding, encode
from affect_training.synth.occluder import Occluder
from affect_training.synth.person import Person, make_person
from affect_training.synth.renderer import Renderer
from affect_training.synth.rig import Pose, Rig
from affect_training.synth.scene import Scene, make_scene
from affect_training.synth.skin import skin_tone

ANNOTATOR: Final = "synth"


def person_rng(config: SynthConfig, person: int) -> np.random.Generator:
    """What the person is drawn from."""
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(person,)))


def clip_rng(config: SynthConfig, person: int, clip: int) -> np.random.Generator:
    """What the clip is drawn from."""
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(person, clip)))


@dataclass(frozen=True, slots=True)
class Shot:
    """All that is decided about a clip before its first frame is drawn."""

    performance: Performance
    scene: Scene
    camera: Camera
    encoding: Encoding
    occluder: Occluder | None

    @classmethod
    def draw(cls, config: SynthConfig, person: Person, rng: np.random.Generator) -> Shot:
        """A random clip of this person."""
        performance = perform(config.frames_per_clip, config.fps, person.resting, rng)
        scene = make_scene(config.size, rng)
        view = scene.view
        return cls(
            performance=performance,
            scene=scene,
            camera=Camera.draw(view.face_pixels, rng),
            encoding=Encoding.draw(view.width, view.height, config.fps, rng),
            occluder=Occluder.draw(config.seconds, skin_tone(person.attributes.skin), rng),
        )


class Studio:
    """Renders clips of one set; keeps the head and the last person."""

    def __init__(self, config: SynthConfig, cache: Path | None = None) -> None:
        self._config = config
        self._head, self._canvas = _stage(cache)
        self._last: tuple[int, Person] | None = None

    def person(self, number: int) -> Person:
        """The person of this number."""
        if self._last is None or self._last[0] != number:
            drawn = make_person(self._head, self._canvas, person_rng(self._config, number))
            self._last = (number, drawn)
        return self._last[1]

    def render(self, number: int, clip: int, path: Path) -> pd.DataFrame:
        """Write the clip to `path`.

        Returns:
            One row a frame: time_s, arousal, valence, annotator, then the person's and the
            clip's attributes, as the manifest has them.
        """
        person = self.person(number)
        rng = clip_rng(self._config, number, clip)
        shot = Shot.draw(self._config, person, rng)
        performance = shot.performance
        every = range(len(performance.time_s))
        encode(path, self.frames(person, shot, every, rng), self._config.fps, shot.encoding)
        labels = pd.DataFrame(
            {
                "time_s": performance.time_s,
                "arousal": performance.arousal,
                "valence": performance.valence,
                "annotator": ANNOTATOR,
            }
        )
        about = person.attributes.record() | {
            "speaks": performance.speaks,
            "yaw": round(float(np.median(performance.pose[:, 0])), 3),
            "face_share": round(shot.scene.view.face_pixels / shot.scene.view.height, 3),
            "occluder": "none" if shot.occluder is None else shot.occluder.kind,
            "encoder": shot.encoding.encoder,
        }
        return labels.assign(**about)

    def frames(
        self, person: Person, shot: Shot, numbers: Iterable[int], rng: np.random.Generator
    ) -> Iterator[NDArray[np.uint8]]:
        """These frames of the clip, R, G, B uint8 (height, width, 3); exposed for the first."""
        performance, scene = shot.performance, shot.scene
        view, gain = scene.view, None
        rig = Rig(self._head, person)
        renderer = Renderer(rig, person, self._canvas, view, scene.lighting)
        bright = float(scene.lighting.key_colour.mean() * 0.6 + scene.lighting.around.mean())
        for k in numbers:
            yaw, pitch, roll = performance.pose[k]
            gaze, shift = performance.gaze[k], performance.shift[k]
            pose = Pose(yaw, pitch, roll, (gaze[0], gaze[1]))
            colour, coverage = renderer.draw(performance.units[k], pose, (shift[0], shift[1]))
            light = colour + scene.background * (1 - coverage[..., None])
            if gain is None:
                gain = shot.camera.exposure(light, coverage)
            if shot.occluder is not None:
                middle = view.face_middle((shift[0], shift[1]))
                size = view.face_pixels
                light = shot.occluder.cover(light, performance.time_s[k], middle, size, bright)
            yield shot.camera.take(light, gain, rng)


@lru_cache(maxsize=1)
def _stage(cache: Path | None) -> tuple[Head, Canvas]:
    head = load_head(cache)
    return head, Canvas.of(head)
