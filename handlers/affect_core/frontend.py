"""Clip bytes -> samples with tracked, cropped faces: all that happens before the model.

Training and serving both come through here, so a crop is the same crop in both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from affect_core.crops import crop_square
from affect_core.decode import ClipReader
from affect_core.faces import FaceDetector, find_faces
from affect_core.spec import PreprocessSpec
from affect_core.tracks import FaceSelector, Tracker
from affect_core.types import FaceCrop, PreparedSample, Sample, Sampling, StageSeconds


def prepare_samples(
    reader: ClipReader,
    sampling: Sampling,
    detector: FaceDetector,
    spec: PreprocessSpec,
    seconds: StageSeconds,
) -> Iterator[PreparedSample]:
    """The clip's samples in order, each with the crops of the wanted faces.

    Args:
        reader: an opened clip; read to its end or to `sampling.end_s`.
        sampling: which times and faces.
        detector: finds faces in a scaled-down frame.
        spec: how faces are found, followed and cropped.
        seconds: its `decode` and `detect` grow with the time spent.

    Raises:
        ClipError: as `ClipReader.samples`.
    """
    tracker = Tracker(spec)
    selector = FaceSelector(sampling.faces)
    samples = reader.samples(sampling)
    while True:
        with _timed(seconds, "decode"):
            sample = next(samples, None)
        if sample is None:
            return
        with _timed(seconds, "detect"):
            prepared = prepare_sample(sample, tracker, selector, detector, spec)
        yield prepared


def prepare_sample(
    sample: Sample,
    tracker: Tracker,
    selector: FaceSelector,
    detector: FaceDetector,
    spec: PreprocessSpec,
) -> PreparedSample:
    """One frame's step: detect, track, select, crop. Advances `tracker` and `selector`."""
    faces, ended = tracker.update(sample.time_s, find_faces(detector, sample.image, spec))
    wanted = selector.select(faces, ended)
    crops = tuple(
        FaceCrop(face, crop_square(sample.image, face.square, spec.crop_size)) for face in wanted
    )
    return PreparedSample(sample.index, sample.time_s, crops, ended)


@contextmanager
def _timed(seconds: StageSeconds, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        setattr(seconds, stage, getattr(seconds, stage) + time.perf_counter() - start)
