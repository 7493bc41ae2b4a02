"""Clip bytes or pictures -> samples with tracked, cropped faces: all before the model.

Training and serving both come through here, so a crop is the same crop in both.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from affect_core.decoders import Clip
from affect_core.errors import ClipError
from affect_core.events import Bytes, PicturesJob, PieceJob
from affect_core.faces import FaceDetector
from affect_core.finding import FaceFinder, Found
from affect_core.session import Session
from affect_core.spec import PreprocessSpec
from affect_core.types import Image, PreparedSample, Sample, Sampling, StageSeconds


def prepare_samples(
    reader: Clip,
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
    samples = reader.samples(sampling)
    while True:
        with _timed(seconds, "decode"):
            sample = next(samples, None)
        if sample is None:
            return
        with _timed(seconds, "detect"):
            prepared = session.see(sample, detector)
        yield prepared


def prepare_ahead(
    samples: Iterator[Sample], session: Session, finder: FaceFinder, seconds: StageSeconds
) -> Generator[PreparedSample, None, None]:
    """As `prepare_samples`, of any samples, while the finder looks at later ones.

    Raises:
        ClipError: as `samples`, after those before it, and `SessionMismatchError`.
    """
    waiting: deque[tuple[Sample, Future[Found]]] = deque()
    failure: ClipError | None = None
    try:
        while True:
            try:
                with _timed(seconds, "decode"):
                    sample = next(samples, None)
            except ClipError as error:
                failure = error
                break
            if sample is None:
                break
            waiting.append((sample, finder.find(sample.image)))
            while waiting and (len(waiting) > finder.ahead(sample.image) or waiting[0][1].done()):
                yield _followed(*waiting.popleft(), session, seconds)
        while waiting:
            yield _followed(*waiting.popleft(), session, seconds)
    finally:
        for _, pending in waiting:
            pending.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            # Its traceback holds this frame, which would hold it: a circle, with the clip in it.
            del failure


def _followed(
    sample: Sample, pending: Future[Found], session: Session, seconds: StageSeconds
) -> PreparedSample:
    found = pending.result()
    seconds.detect += found.seconds
    with _timed(seconds, "detect"):
        return session.follow(sample, found.faces)


def piece_samples(reader: Clip, job: PieceJob) -> Iterator[Sample]:
    """A piece's samples with the session's times, counted on from those it has seen.

    Raises:
        ClipError: as `ClipReader.samples`.
    """
    first = job.session.samples
    for count, sample in enumerate(reader.samples(job.sampling)):
        yield Sample(first + count, job.start_s + sample.time_s, sample.image)


def picture_samples(job: PicturesJob, decode: Callable[[Bytes], Image]) -> Iterator[Sample]:
    """Pictures as samples, counted on from those that the session has seen.

    Args:
        job: the pictures, encoded.
        decode: as `decode_picture`.

    Raises:
        UndecodableClipError, FrameTooLargeError, DeadlineExceededError.
    """
    first = job.session.samples
    for count, (data, time_s) in enumerate(zip(job.pictures, job.times_s, strict=True)):
        yield Sample(first + count, time_s, decode(data))


@contextmanager
def _timed(seconds: StageSeconds, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        setattr(seconds, stage, getattr(seconds, stage) + time.perf_counter() - start)
