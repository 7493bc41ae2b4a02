"""A contact sheet: people down the page, each in a few frames of one clip."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from affect_training.synth.clip import Shot, Studio, clip_rng
from affect_training.synth.config import SynthConfig

TILE: Final = 192
"""Pixels; a whole frame fits into each tile."""


def write_preview(
    config: SynthConfig, path: Path, people: int = 12, columns: int = 6, cache: Path | None = None
) -> None:
    """Write a PNG with the first clips of the first people, `columns` frames of each.

    The frames are those the clips show, before compression; arousal and valence are written
    below them.
    """
    studio = Studio(config, cache)
    rows = [_row(studio, config, person, columns) for person in range(min(people, config.people))]
    sheet = np.concatenate(rows)[..., ::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded, data = cv2.imencode(".png", sheet)
    if not encoded:
        raise RuntimeError(f"OpenCV cannot encode a PNG of {sheet.shape}")
    path.write_bytes(data.tobytes())


def _row(studio: Studio, config: SynthConfig, number: int, columns: int) -> NDArray[np.uint8]:
    person = studio.person(number)
    rng = clip_rng(config, number, 0)
    shot = Shot.draw(config, person, rng)
    view, performance = shot.scene.view, shot.performance
    chosen = np.linspace(0, config.frames_per_clip - 1, columns).round().astype(int).tolist()
    tiles = []
    for k, frame in zip(chosen, studio.frames(person, shot, chosen, rng), strict=True):
        scale = TILE / max(view.width, view.height)
        size = (round(view.width * scale), round(view.height * scale))
        top, left = (TILE - size[1]) // 2, (TILE - size[0]) // 2
        tile = np.zeros((TILE, TILE, 3), dtype=np.uint8)
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        tile[top : top + size[1], left : left + size[0]] = small
        text = f"A {performance.arousal[k]:+.1f} V {performance.valence[k]:+.1f}"
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                tile, text, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thickness
            )
        tiles.append(tile)
    return np.concatenate(tiles, axis=1).astype(np.uint8)
