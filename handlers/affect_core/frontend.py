"""Clip bytes or pictures -> samples with tracked, cropped faces: all before the model.

Training and serving both come through here, so a crop is the same crop in both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from affect_core.decode import ClipReader
from affect_core.events import PicturesJob, PieceJob
from affect_core.faces import FaceDetector
from affect_core.limits import Deadline, Limits
from affect_core.pictures import decode_picture
from affect_core.session import Session
from affect_core.spec import PreprocessSpec
from affect_core.types import PreparedSample, Sample, Sampling, StageSeconds


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
    session = Session.begin(spec, sampling.faces)
    return see_samples(reader.samples(sampling), session, detector, seconds)


def see_samples(
    samples: Iterator[Sample], session: Session, detector: FaceDetector, seconds: StageSeconds
) -> Iterator[PreparedSample]:
    """Show samples to a session, one at a time, and account for the time.

    Raises:
        ClipError: as `samples`, and `SessionMismatchError`.
    """
    while True:
        with _timed(seconds, "decode"):
            sample = next(samples, None)
        if sample is None:
            return
        with _timed(seconds, "detect"):
            prepared = session.see(sample, detector)
        yield prepared


def piece_samples(reader: ClipReader, job: PieceJob) -> Iterator[Sample]:
    """A piece's samples with the session's times, counted on from those it has seen.

    Raises:
        ClipError: as `ClipReader.samples`.
    """
    first = job.session.samples
    for count, sample in enumerate(reader.samples(job.sampling)):
        yield Sample(first + count, job.start_s + sample.time_s, sample.image)


def picture_samples(job: PicturesJob, limits: Limits, deadline: Deadline) -> Iterator[Sample]:
    """Pictures as samples, counted on from those that the session has seen.

    Raises:
        UndecodableClipError, FrameTooLargeError, DeadlineExceededError.
    """
    first = job.session.samples
    for count, (data, time_s) in enumerate(zip(job.pictures, job.times_s, strict=True)):
        deadline.check()
        yield Sample(first + count, time_s, decode_picture(data, limits))


@contextmanager
def _timed(seconds: StageSeconds, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        setattr(seconds, stage, getattr(seconds, stage) + time.perf_counter() - start)
