"""One clip -> its samples' rows, and the primary face's crops, as serving would see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affect_core.decode import ClipReader
from affect_core.faces import FaceDetector
from affect_core.frontend import prepare_samples
from affect_core.limits import Deadline, Limits
from affect_core.spec import PreprocessSpec
from affect_core.types import Image, PreparedSample, Sampling, StageSeconds

_DAY_S: Final = 86_400.0

LIMITS: Final = Limits(max_duration_s=_DAY_S, max_samples=30 * 86_400, max_wall_s=_DAY_S)
"""A server's guests may ask for 20 minutes; one's own clips may be as long as they are."""


@dataclass(frozen=True, slots=True)
class Crop:
    """The primary face of a sample; box in pixels of the upright frame."""

    track: int
    score: float
    box: tuple[float, float, float, float]
    """x, y, width, height."""
    pixels: Image


@dataclass(frozen=True, slots=True)
class ClipSample:
    """A sample at `time_s` seconds; `crop` is None where no face was found."""

    index: int
    time_s: float
    crop: Crop | None


class UnreadableFileError(Exception):
    """A clip's file cannot be read."""

    code = "unreadable_file"


class OpenClip:
    """A clip file to be read once, front to back.

    `duration_s` and `truncated` are what `ClipReader.info` says at the end; None and False
    before it.

    Args:
        path: of the clip.
        spec: how frames become crops.
        detector: the one that `spec` names.
    """

    def __init__(self, path: Path, spec: PreprocessSpec, detector: FaceDetector) -> None:
        self._path = path
        self._spec = spec
        self._detector = detector
        self.duration_s: float | None = None
        self.truncated = False
        self.seconds = StageSeconds()

    def samples(self) -> Iterator[ClipSample]:
        """Every sample, in order.

        Raises:
            ClipError: as `ClipReader`.
            UnreadableFileError: the file cannot be read.
        """
        sampling = Sampling(fps=self._spec.sample_fps, faces="primary")
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise UnreadableFileError(f"The file cannot be read: {error.strerror}.") from error
        with ClipReader(data, LIMITS, Deadline(LIMITS.max_wall_s)) as reader:
            for sample in prepare_samples(
                reader, sampling, self._detector, self._spec, self.seconds
            ):
                yield ClipSample(sample.index, sample.time_s, _crop(sample))
            self.duration_s = reader.info.duration_s
            self.truncated = reader.info.truncated


def _crop(sample: PreparedSample) -> Crop | None:
    if not sample.crops:
        return None
    (only,) = sample.crops
    box = only.face.detection.box
    return Crop(
        track=only.face.track,
        score=only.face.detection.score,
        box=(box.x, box.y, box.width, box.height),
        pixels=only.pixels,
    )
