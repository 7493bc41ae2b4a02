"""A short clip in every container and codec that PyAV can write here."""

from __future__ import annotations

import io
import os
import tempfile
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import skimage.data
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

Image = NDArray[np.uint8]

os.environ.setdefault("SVT_LOG", "0")  # or it tells standard error of every clip

FPS: Final = 25
FRAMES: Final = 26
"""A second and a bit: six samples at 5 a second."""

CONTAINERS: Final = (
    *("mp4", "mov", "3gp", "3g2", "f4v", "ipod", "ismv", "avif", "matroska", "webm", "avi"),
    *("mpegts", "mpeg", "vob", "dvd", "svcd", "vcd", "flv", "ogg", "ogv", "asf", "wtv", "mxf"),
    *("nut", "ivf", "obu", "gif", "apng", "rm", "swf", "dv", "mjpeg", "mpjpeg", "m4v", "h261"),
    *("h263", "h264", "hevc", "mpeg1video", "mpeg2video", "webp", "image2pipe", "yuv4mpegpipe"),
    *("rawvideo", "roq", "smjpeg", "fits", "avm2", "a64"),
)
_NEEDS_HARDWARE: Final = ("_qsv", "_nvenc", "_amf", "_v4l2m2m")
_SIZES: Final = ((64, 48), (176, 144), (64, 64), (48, 48), (720, 576), (1280, 720))
_QUIET_AND_QUICK: Final = {
    "libsvtav1": {"preset": "11"},
    "libx265": {"x265-params": "log-level=none:pools=none"},
}


@lru_cache
def _face() -> Image:
    return np.asarray(skimage.data.astronaut()[0:260, 90:350], np.uint8)


def portrait(width: int, height: int) -> Image:
    """The astronaut's face, filling the frame."""
    resized = cv2.resize(_face(), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8)


@lru_cache
def picture(width: int, height: int, kind: str = ".jpg") -> bytes:
    """The face as a file of its own: `.jpg` or `.png`."""
    done, data = cv2.imencode(kind, cv2.cvtColor(portrait(width, height), cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


@lru_cache
def encoders() -> tuple[str, ...]:
    """Names of the video encoders that need no hardware of their own."""
    found = set()
    for name in av.codecs_available:
        try:
            codec = av.Codec(name, "w")
        except ValueError:  # decoders alone
            continue
        if codec.type == "video" and not codec.name.endswith(_NEEDS_HARDWARE):
            found.add(codec.name)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def written(
    container: str,
    codec: str,
    size: tuple[int, int] | None = None,
    frames: int = FRAMES,
    **options: str,
) -> bytes:
    """A clip of a face that moves a little.

    Args:
        container: a muxer's name.
        codec: an encoder's.
        size: of the frame; the first that the encoder takes unless given.
        frames: how many, 25 a second.
        options: of the muxer, as `movflags`.

    Raises:
        ValueError: the two do not go together, or this encoder writes none of our frames.
    """
    natural, pixel_format = taken(codec)
    try:
        return _encode(
            container,
            codec,
            size or natural,
            pixel_format=pixel_format,
            frames=frames,
            options=options,
        )
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"{codec} is not written into {container}") from error


@lru_cache
def every_pair() -> tuple[tuple[str, str], ...]:
    """Containers and codecs that FFmpeg says go together; `written` tells which do."""
    pairs = [("ogg", "libvpx")]  # which it denies, and does
    for container in CONTAINERS:
        supported = av.open(io.BytesIO(), "w", format=container).supported_codecs
        pairs += [
            (container, codec)
            for codec in encoders()
            if not supported.isdisjoint({codec, av.Codec(codec, "w").canonical_name})
        ]
    return tuple(pairs)


@lru_cache
def taken(codec: str) -> tuple[tuple[int, int], str]:
    """The first frame size and pixel format that an encoder takes.

    Raises:
        ValueError: none of ours.
    """
    for size in _SIZES:
        for pixel_format in _pixel_formats(codec):
            context = av.CodecContext.create(codec, "w")
            assert isinstance(context, VideoCodecContext)
            context.width, context.height = size
            context.pix_fmt, context.framerate = pixel_format, Fraction(FPS)
            context.time_base = Fraction(1, FPS)
            _prepare(context, codec, pixel_format)
            try:
                context.encode(_frame(portrait(*size), pixel_format, 0))
            except (av.FFmpegError, ValueError, OSError):
                continue
            return size, pixel_format
    raise ValueError(f"{codec} takes none of our frames")


def _pixel_formats(codec: str) -> tuple[str, ...]:
    offered = [f.name for f in av.Codec(codec, "w").video_formats or ()]
    first = [f for f in ("yuv420p", "yuvj420p") if f in offered or not offered]
    return tuple(dict.fromkeys([*first, *offered[:1], *offered[-1:]]))


def _prepare(context: VideoCodecContext, codec: str, pixel_format: str) -> None:
    context.thread_count = 1
    context.options = _QUIET_AND_QUICK.get(codec, {})
    if pixel_format.startswith("yuvj"):
        context.color_range = ColorRange.JPEG


def _frame(image: Image, pixel_format: str, index: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame = frame.reformat(format=pixel_format)
    frame.pts, frame.time_base = index, Fraction(1, FPS)
    return frame


def _encode(
    container: str,
    codec: str,
    size: tuple[int, int],
    *,
    pixel_format: str,
    frames: int,
    options: dict[str, str],
) -> bytes:
    width, height = size
    picture = portrait(width, height)
    settings = {"fflags": "+bitexact", **options}
    # Some muxers open what they wrote once more, by its name.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), mode="w", format=container, options=settings) as out:
            stream = out.add_stream(codec, rate=FPS)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            _prepare(stream.codec_context, codec, pixel_format)
            for index in range(frames):
                moved = np.roll(picture, index // 3, axis=1)
                out.mux(stream.encode(_frame(moved, pixel_format, index)))
            out.mux(stream.encode(None))
        return path.read_bytes()
