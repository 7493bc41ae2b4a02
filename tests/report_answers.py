"""Answers about four seconds of a portrait, for reports to show."""

from __future__ import annotations

from affect_client import wire
from answers import Faces, answer

SECONDS = 4.0

BOX = (100, 40, 90, 120)
OTHER = (200, 60, 60, 80)


def pan(
    codec: str = "h264", trained_on: str = "Nothing.", confidence: float | None = None
) -> wire.Prediction:
    """One face in every sample of `portrait_pan(SECONDS)`."""
    samples: list[Faces] = [{0: (BOX[0] - 2 * i, *BOX[1:])} for i in range(20)]
    return answer(
        samples, duration_s=SECONDS, codec=codec, trained_on=trained_on, confidence=confidence
    )


def two_tracks() -> wire.Prediction:
    """Track 0 with a gap of 3 samples without any face; track 1 from 1.2 s, and seen alone once."""
    samples: list[Faces] = []
    for i in range(20):
        faces = {0: BOX, 1: OTHER} if i >= 6 else {0: BOX}
        if 9 <= i < 12:
            faces = {}
        if i == 15:
            faces = {1: OTHER}
        samples.append(faces)
    return answer(samples, duration_s=SECONDS)
