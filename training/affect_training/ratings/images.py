"""A folder of numbered images -> a clip without loss."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from affect_training.errors import DataError

_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp")

_REPEATABLE: Final = {"fflags": "+bitexact"}
"""Matroska would carry a random id, and the same images would seem another clip."""


def image_files(folder: Path) -> dict[int, Path]:
    """Frame number -> image file, in the numbers' order; other files are left alone.

    Raises:
        DataError: two images have one number.
    """
    images: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SUFFIXES and path.stem.isdecimal():
            other = images.setdefault(int(path.stem), path)
            if other != path:
                raise DataError(f"{other} and {path.name} have one frame number.")
    return dict(sorted(images.items()))


def write_clip(images: dict[int, Path], fps: float, clip: Path) -> None:
    """Write images as FFV1 in Matroska; it replaces `clip` when complete.

    Each image is on screen at its number / `fps`, so that a gap in the numbers stays a gap.

    Args:
        images: frame number -> file, at least one, in order; all of one size.
        fps: frames a second, positive.
        clip: to write, `.mkv`.

    Raises:
        DataError: an image cannot be read or has another size, or the clip cannot be written.
    """
    rate = Fraction(fps).limit_denominator(1001)
    partial = clip.with_name(f"{clip.name}.tmp")
    size: tuple[int, ...] | None = None
    try:
        clip.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(partial), mode="w", format="matroska", options=_REPEATABLE) as container:
            stream = container.add_stream("ffv1", rate=rate)
            if not isinstance(stream, VideoStream):
                raise TypeError("FFV1 is no video codec here")
            stream.pix_fmt = "bgr0"
            stream.time_base = 1 / rate
            for number, path in images.items():
                pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
                if pixels is None:
                    raise DataError(f"{path} is not an image that can be read.")
                if size is None:
                    size = pixels.shape
                    stream.height, stream.width = size[:2]
                if pixels.shape != size:
                    raise DataError(f"{path} has another size than the first image of its folder.")
                frame = av.VideoFrame.from_ndarray(np.asarray(pixels, np.uint8), format="bgr24")
                frame = frame.reformat(format="bgr0")
                frame.pts, frame.time_base = number, 1 / rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        partial.replace(clip)
    except (OSError, av.FFmpegError, cv2.error) as error:
        raise DataError(f"{clip} cannot be written from its images: {error}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
