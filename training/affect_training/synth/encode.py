"""Frames -> an mp4 file, in the codecs and at the bit rates that uploads come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

_ONE_THREAD: Final = {"threads": "1"}
"""With more, some encoders' output depends on timing."""

_X264: Final = {"x264-params": "cpu-independent=1"}
"""Without it, the same frames gave files that differed with what ran before (PyAV 17.1)."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoder of PyAV's wheels and its options; `bit_rate` in bit/s where it has no quality."""

    encoder: str
    options: dict[str, str] = field(default_factory=dict)
    bit_rate: int | None = None

    @classmethod
    def draw(cls, width: int, height: int, fps: float, rng: np.random.Generator) -> Encoding:
        """H.264 most often, from good quality down to visible blocks."""
        draw = rng.random()
        if draw < 0.72:
            crf = int(rng.integers(18, 37))
            preset = str(rng.choice(["ultrafast", "veryfast", "veryfast", "medium"]))
            return cls("libx264", _ONE_THREAD | _X264 | {"crf": str(crf), "preset": preset})
        if draw < 0.84:
            bits = rng.uniform(0.12, 0.6)
            return cls("mpeg4", dict(_ONE_THREAD), int(bits * width * height * max(fps, 8)))
        if draw < 0.92:
            quiet = "log-level=none:pools=none:frame-threads=1"
            crf = int(rng.integers(22, 37))
            options = {"crf": str(crf), "preset": "ultrafast", "x265-params": quiet}
            return cls("libx265", _ONE_THREAD | options)
        crf = int(rng.integers(28, 48))
        fast = {"crf": str(crf), "deadline": "realtime", "cpu-used": "8"}
        return cls("libvpx-vp9", _ONE_THREAD | fast, 0)


def encode(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, encoding: Encoding) -> None:
    """Write the frames, R, G, B uint8 (height, width, 3) with even sides, as an mp4."""
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4") as container:
        stream = cast(
            "VideoStream",
            container.add_stream(encoding.encoder, rate=rate, options=encoding.options),
        )
        stream.pix_fmt = "yuv420p"
        if encoding.bit_rate is not None:
            stream.bit_rate = encoding.bit_rate
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
