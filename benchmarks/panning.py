"""Clips for the benchmarks: a camera panning over `skimage.data.astronaut()` (public domain)."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import skimage.data
from av.video.stream import VideoStream

SIZES: Final = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
_FPS: Final = 30
_LOOP_S: Final = 10


def panning_clip(seconds: int, size: str = "720p", faces: int = 1) -> bytes:
    """An H.264 MP4 at 30 fps with faces in every frame.

    Made of 10 s loops, each a key frame's start: encoded once, its packets repeated.

    Args:
        seconds: whole tens.
        size: a name of `SIZES`.
        faces: 1 to 4, side by side.
    """
    if seconds < _LOOP_S or seconds % _LOOP_S:
        raise ValueError(f"{seconds} s: clips are made of whole tens of seconds")
    with tempfile.TemporaryDirectory() as folder:
        loop, path = Path(folder) / "loop.mp4", Path(folder) / "clip.mp4"
        _encode_loop(loop, SIZES[size], faces)
        with av.open(str(path), mode="w") as out:
            stream = None
            for repeat in range(seconds // _LOOP_S):
                with av.open(str(loop), mode="r") as source:
                    video = source.streams.video[0]
                    stream = stream or out.add_stream_from_template(video)
                    shift = round(repeat * _LOOP_S / video.time_base) if video.time_base else 0
                    for packet in source.demux(video):
                        if packet.dts is None or packet.pts is None:
                            continue
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        out.mux(packet)
        return path.read_bytes()


def _encode_loop(path: Path, size: tuple[int, int], faces: int) -> None:
    portrait = skimage.data.astronaut()
    width, height = size
    with av.open(str(path), mode="w") as out:
        stream = out.add_stream("libx264", rate=_FPS, options={"preset": "veryfast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range(_LOOP_S * _FPS):
            x = 30 + round(30 * np.sin(2 * np.pi * index / (_LOOP_S * _FPS)))
            if faces == 1:
                view = cv2.resize(portrait[0:253, x : x + 450], size)
            else:
                head = portrait[0:253, 100 + x : 300 + x]
                across = cv2.resize(head, (width // faces, height))
                view = np.zeros((height, width, 3), np.uint8)
                joined = np.hstack([across] * faces)
                view[:, : joined.shape[1]] = joined
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, _FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
