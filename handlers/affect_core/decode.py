"""Clip bytes -> upright RGB frames on screen at 0, 1/fps, 2/fps ... seconds.

Everything happens in memory, as a stream: one decoded frame is held at a time, so memory
does not grow with the clip's length. Only frames that are sampled are converted to RGB, and
what is never on screen is not decoded where no other frame needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Final

import av
import numpy as np
from av.video.frame import VideoFrame

from affect_core.clock import FrameClock
from affect_core.container import declared_duration
from affect_core.errors import (
    ClipTooLongError,
    InvalidSamplingError,
    UndecodableClipError,
)
from affect_core.frames import FrameSource
from affect_core.limits import MIN_SIDE, Limits, Patience
from affect_core.orientation import Orientation
from affect_core.sampling import on_screen
from affect_core.types import ClipInfo, Image, Sample, Sampling

SHORTFALL_S: Final = 0.2
"""A clip that ends this much, and two frames, before its container says has broken off."""


class ClipReader:
    """One clip, opened and ready to be sampled once.

    Args:
        data: the whole file, in any container and codec that PyAV reads.
        limits: refused beyond these, before decoding where the container tells.
        deadline: checked at every read of the file and every packet.

    Raises:
        NoVideoStreamError, UndecodableClipError, ClipTooLongError, FrameTooLargeError,
        DeadlineExceededError.
    """

    def __init__(
        self,
        data: bytes | bytearray | memoryview,
        limits: Limits,
        deadline: Patience,
    ) -> None:
        self._limits = limits
        self._source = FrameSource(data, limits, deadline)
        try:
            container, stream = self._source.container, self._source.stream
            self._declared_s = declared_duration(container, stream)
            self._frames = self._source.frames()
            self._first = self._read_first()
            self._clock = FrameClock(container.format.name)
            self._last_s = self._clock.seconds(self._first)
            if self._declared_s is not None and container.format.name.startswith("matroska"):
                # Matroska counts its durations from 0 and not from the first frame.
                self._declared_s = max(0.0, self._declared_s - (self._clock.origin_s or 0.0))
            self._stored_size = (self._first.width, self._first.height)
            self._orientation = Orientation.of(self._first)
        except BaseException:
            self._source.close()
            raise
        width, height = self._orientation.upright_size(*self._stored_size)
        self.info = ClipInfo(
            duration_s=self._declared_s,
            width=width,
            height=height,
            codec=stream.codec_context.codec.canonical_name,
            rotation=self._orientation.rotation,
        )
        """What is known so far; `samples` completes it when it reaches the clip's end."""

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._source.close()

    def samples(self, sampling: Sampling) -> Iterator[Sample]:
        """The frames on screen at k / fps in [start_s, end_s), in order.

        The frame on screen at a time is the one with the greatest timestamp not above it
        (within half a millisecond). Frames whose timestamps do not advance are never on
        screen.

        Raises:
            InvalidSamplingError: the window holds no sample of this clip.
            ClipTooLongError, FrameTooLargeError, DeadlineExceededError.
        """
        self._check_length(sampling)
        emitted = 0
        shown: VideoFrame | None = None
        image: Image | None = None
        end_s = math.inf if sampling.end_s is None else sampling.end_s
        self._leave_out_what_is_not_shown(sampling, end_s)
        for index, frame in on_screen(self._timed(), sampling.fps, sampling.start_s, end_s):
            if image is None or frame is not shown:
                shown, image = frame, self._upright(frame)
            emitted += 1
            self._check_reached(emitted, index / sampling.fps)
            yield Sample(index, index / sampling.fps, image)
        if emitted == 0:
            raise InvalidSamplingError(
                f"No sample at k / {sampling.fps:g} s lies between start_s and end_s and within "
                f"this clip, whose last frame is at {self._last_s:.3f} s."
            )

    def _timed(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames with their seconds from the first; completes `info` at the clip's end."""
        last = self._first
        yield self._last_s, last
        for frame in self._frames:
            time_s = self._clock.seconds(frame)
            if time_s > self._last_s:
                self._last_s, last = time_s, frame
                yield time_s, frame
        self._reached_end(last)

    def _leave_out_what_is_not_shown(self, sampling: Sampling, end_s: float) -> None:
        time_base = self._first.time_base
        if self._clock.by_decode_order or self._first.pts is None or time_base is None:
            return
        end_tick = self._first.pts + end_s / float(time_base)
        ticks = self._source.packet_ticks(end_tick)
        if not ticks:
            return
        timed = ((self._clock.since_origin(tick * time_base), tick) for tick in ticks)
        shown = on_screen(timed, sampling.fps, sampling.start_s, end_s)
        # A clip of more samples is refused on the way, whatever is left out.
        wanted = {tick for _, tick in islice(shown, self._limits.max_samples + 1)}
        # The last one tells how long the clip is, or that the window is over.
        wanted.add(ticks[-1])
        self._source.show_only(tick for tick in wanted if tick > self._first.pts)

    def _read_first(self) -> VideoFrame:
        first = next(self._frames, None)
        if first is None:
            raise UndecodableClipError(
                "The video stream holds no frame that can be decoded. "
                "Check that the upload is complete and plays in a video player."
            )
        if min(first.width, first.height) < MIN_SIDE:
            raise UndecodableClipError(
                f"The frame has {first.width}x{first.height} pixels; "
                f"a face needs at least {MIN_SIDE}x{MIN_SIDE}."
            )
        return first

    def _upright(self, frame: VideoFrame) -> Image:
        # A stream that changes its resolution is brought back to its first, so that boxes
        # keep one coordinate system and faces their tracks.
        width, height = self._stored_size
        try:
            rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
            upright = self._orientation.apply(np.asarray(rgb, dtype=np.uint8))
        except (av.FFmpegError, ValueError) as error:
            raise UndecodableClipError(
                f"Frames in pixel format {frame.format.name} cannot be converted to RGB. "
                "Convert the clip, for example to H.264 in yuv420p."
            ) from error
        return np.ascontiguousarray(upright)

    def _reached_end(self, last: VideoFrame) -> None:
        shown_s = float(last.duration * (last.time_base or 0)) if last.duration else 0.0
        decoded_s = self._last_s + shown_s
        short = (
            self._declared_s is not None
            and self._declared_s - decoded_s > SHORTFALL_S + 2 * shown_s
        )
        self.info = replace(
            self.info,
            duration_s=decoded_s if self._declared_s is None else max(self._declared_s, decoded_s),
            truncated=short or self._source.failed or last.is_corrupt,
        )

    def _check_reached(self, samples: int, time_s: float) -> None:
        if samples > self._limits.max_samples:
            raise ClipTooLongError(
                f"The clip has more than {self._limits.max_samples} samples. "
                "Lower sample_fps, or set start_s and end_s."
            )
        if time_s > self._limits.max_duration_s:
            raise ClipTooLongError(self._too_long(time_s))

    def _check_length(self, sampling: Sampling) -> None:
        if self._declared_s is None:
            return
        end_s = min(self._declared_s, sampling.end_s or math.inf)
        if end_s > self._limits.max_duration_s:
            raise ClipTooLongError(self._too_long(end_s))
        samples = (end_s - sampling.start_s) * sampling.fps
        if samples > self._limits.max_samples + 1:
            raise ClipTooLongError(
                f"{samples:.0f} samples are asked for; the limit is "
                f"{self._limits.max_samples}. Lower sample_fps, or set start_s and end_s."
            )

    def _too_long(self, seconds: float) -> str:
        return (
            f"The clip lasts {seconds:.0f} s; the limit is {self._limits.max_duration_s:g} s. "
            "Cut it, or set end_s."
        )
