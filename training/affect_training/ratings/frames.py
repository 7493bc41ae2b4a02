"""Ratings numbered by frame -> ratings at times, by the clip's own timestamps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from affect_core.clock import FrameClock
from affect_core.container import open_container, video_stream
from affect_core.errors import ClipError
from affect_training.errors import DataError
from affect_training.ratings.types import Floats, Trace

_log = logging.getLogger(__name__)

_MAX_SURPLUS_S = 1.0
"""Lists that run past their clip by less are common (a last frame that was cut); one that runs
on for longer is another clip's, or was made at another frame rate."""


def frame_times(clip: Path) -> Floats:
    """When each frame is on screen, float64 (frames,): seconds from the first, as decoded.

    Frames are counted in presentation order, as decoders give them. A time may stand still
    (such a frame is never seen), as in `affect_core.decode`. Of a clip that breaks off, one of the
    last frames may be missing, and those after it, two or three, are counted one too low.

    Raises:
        DataError: the clip cannot be read, or a frame in its middle is damaged, so that the
            numbers of the frames after it are not known.
    """
    try:
        data = clip.read_bytes()
    except OSError as error:
        raise DataError(f"{clip} cannot be read: {error.strerror}.") from error
    try:
        times, good = _decode(data, threads=0)
        if good is not None:
            # A decoder with threads hands over its last frames together, and none of them if one
            # is damaged.
            times, good = _decode(data, threads=1)
    except ClipError as error:
        raise DataError(f"{clip}: {error}") from error
    if not times:
        raise DataError(f"{clip} holds no frame that can be decoded.")
    if good is not None and good < len(times):
        raise DataError(
            f"{clip} has a damaged frame after {good} good ones, and ratings by frame number "
            "cannot be placed after it. Repair the clip or remove it."
        )
    return np.array(times, dtype=np.float64)


def _decode(data: bytes, threads: int) -> tuple[list[float], int | None]:
    """Seconds of every frame, and how many came before the first that failed (None: all did)."""
    times: list[float] = []
    good = None
    with open_container(data) as container:
        stream = video_stream(container)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        clock = FrameClock(container.format.name)
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    good = len(times) if good is None else good
                    continue
                times.extend(clock.seconds(frame) for frame in frames)
        except av.FFmpegError:
            # The file breaks off: its frames up to there have their numbers.
            good = len(times) if good is None else good
    return times, good


def frame_trace(
    annotator: str,
    *,
    source: Path,
    clip: Path,
    number: Sequence[int],
    arousal: Floats,
    valence: Floats,
) -> Trace:
    """Ratings of frames, numbered from 0, as a trace.

    Ratings past the clip's last frame have no time; up to a second of them is left out with a
    warning. Frames that are never on screen have none either.

    Args:
        annotator: who rated.
        source: the ratings' file, for messages.
        clip: the video.
        number: of the frames rated, increasing.
        arousal: float64 (n,), in [-1, 1], NaN where not rated.
        valence: as arousal.

    Raises:
        DataError: the clip cannot be read, or ends more than a second before the ratings.
    """
    times = frame_times(clip)
    numbers = np.array(number, dtype=np.int64)
    surplus = int((numbers >= len(times)).sum())
    if surplus:
        period_s = times[-1] / (len(times) - 1) if len(times) > 1 else np.inf
        if surplus * period_s > _MAX_SURPLUS_S or surplus == len(numbers):
            raise DataError(
                f"{source} rates frames up to number {numbers[-1]} (from 0), and {clip} has "
                f"{len(times)} frames. They do not belong together: look for the clip as it was "
                "rated, with its own frame rate."
            )
        _log.warning(
            "%s: the last %d ratings lie past the %d frames of %s and are left out",
            source,
            surplus,
            len(times),
            clip,
        )
    latest = np.maximum.accumulate(times)
    advances = np.concatenate([[True], times[1:] > latest[:-1]])
    kept = numbers < len(times)
    kept[kept] = advances[numbers[kept]]
    return Trace(annotator, times[numbers[kept]], arousal[kept], valence[kept])
