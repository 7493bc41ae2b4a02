"""A file in memory -> its container, its video stream and how long that says it is."""

from __future__ import annotations

import io
import math
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from affect_core.errors import NoVideoStreamError, UndecodableClipError
from affect_core.limits import Patience

# Demuxers of self-contained files. Playlists and scripts (hls, dash, concat, imf ...) are
# left out because they open other files and addresses.
_FORMATS: Final = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,nut,ivf,gif,apng,dv,rm,"
    "yuv4mpegpipe,h264,hevc,av1,obu,m4v,mjpeg,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,"
    "wav,mp3,flac,aac,ac3,eac3,aiff,caf,w64,amr"
)


class _Watched(io.BytesIO):
    """A file whose reader has only so much time.

    A demuxer may read millions of packets before it hands one out, where nobody else looks at
    the clock.
    """

    def __init__(self, data: bytes | bytearray | memoryview, patience: Patience) -> None:
        super().__init__(data)
        self._patience = patience
        self._is_over = False

    def read(self, size: int | None = -1, /) -> bytes:
        """As `io.BytesIO.read`; what it raises, PyAV raises."""
        if self._is_over:
            # Demuxers read on after an error, and PyAV keeps one exception: it prints the rest.
            return b""
        self._is_over = True
        self._patience.check()
        self._is_over = False
        return super().read(size)


def open_container(
    data: bytes | bytearray | memoryview, patience: Patience | None = None
) -> InputContainer:
    """Open a self-contained file; nothing it names is followed.

    Args:
        data: the whole file.
        patience: checked at every read, here and as packets are demuxed; None is endless.

    Raises:
        UndecodableClipError: no container is recognised.
    """
    try:
        return av.open(
            io.BytesIO(data) if patience is None else _Watched(data, patience),
            mode="r",
            options={"format_whitelist": _FORMATS},
            # A title that is not UTF-8 is no reason to refuse a clip; it is never read.
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        raise UndecodableClipError(
            f"{len(data)} bytes arrived that are not a readable video container. An MP4 whose "
            "upload was cut short has lost its index: send it whole, or write it with "
            "-movflags +faststart. Playlists are not read."
        ) from error


def video_stream(container: InputContainer) -> VideoStream:
    """The best video stream; cover art is not one.

    Raises:
        NoVideoStreamError: there is none.
        UndecodableClipError: nothing here decodes its codec.
    """
    streams = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not streams:
        kinds = sorted({s.type for s in container.streams})
        raise NoVideoStreamError(
            f"The upload holds {', '.join(kinds) or 'no'} streams and no video. "
            "Send a file with a video track."
        )
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in streams else streams[0]
    # The stubs do not say that an unknown codec leaves no codec context.
    context: VideoCodecContext | None = stream.codec_context
    if context is None:
        raise UndecodableClipError(
            "The video stream's codec is not known here. Convert the clip, for example to H.264."
        )
    return stream


def declared_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds of video as the container states them, or None."""
    if stream.duration is not None and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif (tag := _matroska_duration(stream.metadata.get("DURATION", ""))) is not None:
        seconds = tag
    elif container.duration is not None:
        seconds = float(Fraction(container.duration, av.time_base))
    else:
        return None
    return seconds if 0 < seconds < math.inf else None


def _matroska_duration(tag: str) -> float | None:
    """Seconds of an `HH:MM:SS.fraction` statistics tag (Matroska specification, Tags)."""
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (ValueError, OverflowError):
        return None
