"""A video stream's frames in presentation order, without the work for those never shown.

Frames that no other is predicted from can be left out without a trace in the others. With 30
frames a second and 5 samples that is up to half of the decoding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import av
from av.video.frame import VideoFrame

from affect_core.container import open_container, video_stream
from affect_core.limits import Limits, Patience

_WITH_DISPENSABLE_FRAMES: Final = frozenset({"h264", "hevc", "mpeg4", "mpeg2video", "mpeg1video"})


class FrameSource:
    """Opens a clip and decodes its video in one thread, once.

    One thread, as clips are decoded side by side: several in one decoder took 1.5 times the
    processor's time (720p H.264).

    Args:
        data: the whole file.
        limits: for each frame's size.
        deadline: checked at every read of the file and every packet.

    Raises:
        NoVideoStreamError, UndecodableClipError, FrameTooLargeError.
    """

    def __init__(
        self, data: bytes | bytearray | memoryview, limits: Limits, deadline: Patience
    ) -> None:
        self._data = data
        self._limits = limits
        self._deadline = deadline
        self._shown: deque[int] | None = None
        self.failed = False
        """Whether what followed the last frame could not be decoded."""
        self.container = open_container(data, deadline)
        try:
            self.stream = video_stream(self.container)
            limits.check_frame(self.stream.width, self.stream.height)
        except BaseException:
            self.container.close()
            raise

    def close(self) -> None:
        """Close the container."""
        self.container.close()

    def packet_ticks(self, end_tick: float) -> list[int] | None:
        """The presentation timestamps of the frames up to `end_tick`, sorted.

        Those that are decoded but never presented are left out. None where they do not tell the
        frames apart, or where this codec's decoder leaves out nothing.

        Args:
            end_tick: in the stream's time base, as the timestamps are. Reading stops soon after.
        """
        if self.stream.codec_context.codec.canonical_name not in _WITH_DISPENSABLE_FRAMES:
            return None
        ticks: list[int] = []
        with open_container(self._data, self._deadline) as container:
            try:
                for packet in container.demux(video_stream(container)):
                    self._deadline.check()
                    if packet.size == 0 or packet.is_discard:
                        continue
                    if packet.pts is None:
                        return None
                    ticks.append(packet.pts)
                    if packet.dts is not None and packet.dts > end_tick:
                        break
            except av.FFmpegError:
                pass
        ticks.sort()
        return ticks if len(set(ticks)) == len(ticks) else None

    def show_only(self, ticks: Iterable[int]) -> None:
        """From now on, leave out frames with other timestamps, unless others need them.

        Args:
            ticks: presentation timestamps after that of the last frame given, in any order.
        """
        self._shown = deque(sorted(ticks))

    def frames(self) -> Iterator[VideoFrame]:
        """Frames in presentation order. A packet that fails is skipped, as players do.

        Raises:
            FrameTooLargeError, DeadlineExceededError.
        """
        last: int | None = None
        try:
            for frame in self._strictly():
                self._limits.check_frame(frame.width, frame.height)
                last = frame.pts
                yield frame
        except _DamagedError:
            # What is shown in place of what is damaged may come from frames that were left out.
            yield from self._all_after(last)

    def _strictly(self) -> Iterator[VideoFrame]:
        """Frames up to the first that is damaged or missing, and `_DamagedError` there."""
        context = self.stream.codec_context
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        shown = frozenset[int]()
        try:
            for packet in self.container.demux(self.stream):
                self._deadline.check()
                if self._shown is not None:
                    shown = shown or frozenset(self._shown)
                    context.skip_frame = "DEFAULT" if packet.pts in shown else "NONREF"
                for frame in packet.decode():
                    if frame.is_corrupt or self._missed_one_before(frame):
                        raise _DamagedError
                    yield frame
        except av.FFmpegError as error:
            raise _DamagedError from error
        if self._shown:
            raise _DamagedError

    def _missed_one_before(self, frame: VideoFrame) -> bool:
        missed = False
        while self._shown and frame.pts is not None and self._shown[0] <= frame.pts:
            missed = self._shown.popleft() < frame.pts
        return missed

    def _all_after(self, last: int | None) -> Iterator[VideoFrame]:
        """Every frame later than `last` that the decoder makes of a damaged clip."""
        with open_container(self._data, self._deadline) as container:
            stream = video_stream(container)
            stream.codec_context.thread_count = 1
            try:
                for packet in container.demux(stream):
                    self._deadline.check()
                    try:
                        frames = packet.decode()
                    except av.FFmpegError:
                        self.failed = True
                        continue
                    for frame in frames:
                        self.failed = False
                        self._limits.check_frame(frame.width, frame.height)
                        if last is None or frame.pts is None or frame.pts > last:
                            yield frame
            except av.FFmpegError:
                self.failed = True


class _DamagedError(Exception):
    """The strict decoder found a fault, or did not give a frame that it should have."""
