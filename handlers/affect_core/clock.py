"""When each decoded frame is on screen."""

from __future__ import annotations

from fractions import Fraction

from av.video.frame import VideoFrame

from affect_core.errors import UndecodableClipError


class FrameClock:
    """Seconds of each frame from the clip's first, by presentation timestamps.

    AVI stores none (its frames have one fixed duration each), and with B-frames FFmpeg's guesses
    at them go back and forth. There the decode timestamps, which frames carry in presentation
    order, are the clock; the last few frames, which come without, follow at their duration.

    Args:
        format_name: FFmpeg's name of the container.
    """

    def __init__(self, format_name: str) -> None:
        self.by_decode_order = format_name == "avi"
        """Whether decode timestamps are the clock."""
        self._last_ticks: int | None = None
        self.origin_s: float | None = None
        """The first frame's time on the container's clock; None before it."""

    def seconds(self, frame: VideoFrame) -> float:
        """The time of the next frame, in the order in which the decoder gives them.

        Raises:
            UndecodableClipError: the frame has no timestamp.
        """
        ticks = self._decode_ticks(frame) if self.by_decode_order else frame.pts
        if ticks is None or not frame.time_base:
            raise UndecodableClipError(
                "The clip carries no presentation timestamps, as raw streams do not. Put it into "
                "a container, for example: ffmpeg -framerate 30 -i clip.h264 -c copy clip.mp4"
            )
        self._last_ticks = ticks
        time = ticks * frame.time_base
        if self.origin_s is None:
            self.origin_s = float(time)
        return self.since_origin(time)

    def since_origin(self, time: Fraction) -> float:
        """A time on the container's clock, in seconds from the first frame's.

        Raises:
            ValueError: no frame has been seen.
        """
        if self.origin_s is None:
            raise ValueError("no frame has been seen")
        return float(time) - self.origin_s

    def _decode_ticks(self, frame: VideoFrame) -> int | None:
        if frame.dts is not None or self._last_ticks is None:
            return frame.dts
        return self._last_ticks + max(1, frame.duration or 0)
