from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_core.decode import ClipReader
from affect_core.errors import ClipError
from affect_core.frames import FrameSource
from affect_core.limits import Deadline, Limits
from affect_core.types import ClipInfo, Sample, Sampling
from clips import Image, decoded, encode, truncated

KINDS = [
    ("mp4", "libx264", {"bf": "3", "b-pyramid": "none", "g": "20"}),
    ("mp4", "libx264", {"bf": "3", "b-pyramid": "normal", "g": "250"}),
    ("mp4", "libx264", {"bf": "0"}),
    ("matroska", "libx264", {"bf": "2", "open-gop": "1", "g": "12"}),
    ("mpegts", "libx264", {"bf": "3"}),
    ("mp4", "libx265", {"x265-params": "log-level=none:bframes=4:keyint=30"}),
    ("mp4", "mpeg4", {"bf": "2", "g": "15"}),
    ("mpegts", "mpeg2video", {"bf": "2", "g": "15"}),
    ("webm", "libvpx-vp9", {"g": "20"}),
    ("avi", "mpeg4", {"bf": "2"}),
]
kinds = pytest.mark.parametrize("kind", range(len(KINDS)))
FRAMES = 60
Read = tuple[list[Sample], ClipInfo]


@lru_cache
def textured(kind: int) -> bytes:
    """60 frames of a moving texture, at 25 a second, each unlike the others."""
    container, codec, options = KINDS[kind]
    texture = np.random.default_rng(1).integers(0, 256, (64, 200, 3), np.uint8)
    frames = (np.ascontiguousarray(texture[:48, i * 2 : i * 2 + 64]) for i in range(FRAMES))
    movflags = "faststart" if container == "mp4" else None
    return encode(frames, container=container, codec=codec, options=options, movflags=movflags)


def read(clip: bytes, sampling: Sampling) -> Read:
    with ClipReader(clip, Limits(), Deadline(60)) as reader:
        return list(reader.samples(sampling)), reader.info


def no_ticks(_: FrameSource, __: float) -> None:
    return None


def read_whole(clip: bytes, sampling: Sampling) -> Read:
    """With every frame decoded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FrameSource, "packet_ticks", no_ticks)
        return read(clip, sampling)


def assert_equal(
    got: tuple[list[Sample], ClipInfo], expected: tuple[list[Sample], ClipInfo]
) -> None:
    assert got[1] == expected[1]
    assert [(s.index, s.time_s) for s in got[0]] == [(s.index, s.time_s) for s in expected[0]]
    for one, other in zip(got[0], expected[0], strict=True):
        assert np.array_equal(one.image, other.image)


@kinds
@settings(max_examples=15, deadline=None)
@given(
    fps=st.floats(0.5, 30),
    start_ms=st.integers(0, 2200),
    length_ms=st.none() | st.integers(1, 2000),
)
def test_samples_are_the_frames_that_were_on_screen(
    kind: int, fps: float, start_ms: int, length_ms: int | None
) -> None:
    """Against all frames as FFmpeg gives them, which are 40 ms apart."""
    clip, every = textured(kind), frames_of(kind)
    start, end = start_ms / 1000, None if length_ms is None else (start_ms + length_ms) / 1000
    times = [k / fps for k in range(int(3 * fps) + 1)]
    expected = [
        (k, every[min(int((time + 0.0005) / 0.04), FRAMES - 1)])
        for k, time in enumerate(times)
        if start - 1e-9 <= time < (end or 3) - 1e-9 and time <= 0.04 * (FRAMES - 1) + 0.0005
    ]
    if not expected:
        return
    samples, _ = read(clip, Sampling(fps, start, end))
    assert [sample.index for sample in samples] == [index for index, _ in expected]
    for sample, (_, image) in zip(samples, expected, strict=True):
        assert np.array_equal(sample.image, image)


@lru_cache
def frames_of(kind: int) -> list[Image]:
    return decoded(textured(kind))


@pytest.fixture
def given_frames(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each frame that comes out of a decoder."""
    seen: list[int] = []
    frames = FrameSource.frames

    def counted(self: FrameSource) -> Iterator[VideoFrame]:
        for frame in frames(self):
            seen.append(frame.pts or 0)
            yield frame

    monkeypatch.setattr(FrameSource, "frames", counted)
    return seen


@pytest.mark.parametrize(
    ("kind", "most"), [(0, 37), (1, 39), (3, 42), (4, 39), (5, 42), (6, 31), (7, 31)]
)
def test_frames_that_are_not_shown_are_left_out(
    kind: int, most: int, given_frames: list[int]
) -> None:
    samples, info = read(textured(kind), Sampling(5.0))
    assert len(samples) == 12
    assert len(given_frames) <= most
    assert given_frames == sorted(given_frames)
    assert info.duration_s == pytest.approx(2.4, abs=0.04)


@kinds
@pytest.mark.parametrize("seed", range(6))
def test_damage_changes_no_sample(kind: int, seed: int) -> None:
    """A damaged clip's samples are those that come of decoding all of it."""
    generator = np.random.default_rng(seed)
    clip = np.frombuffer(textured(kind), np.uint8).copy()
    places = generator.integers(len(clip) // 4, len(clip), 5)
    clip[places] = generator.integers(0, 256, 5, np.uint8)
    sampling = Sampling(5.0)
    try:
        expected = read_whole(clip.tobytes(), sampling)
    except ClipError as error:
        with pytest.raises(type(error)):
            read(clip.tobytes(), sampling)
        return
    assert_equal(read(clip.tobytes(), sampling), expected)


@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
@pytest.mark.parametrize("kind", [0, 3, 4])
def test_a_clip_that_was_cut_gives_what_is_left(kind: int, share: float) -> None:
    cut = truncated(textured(kind), share)
    assert_equal(read(cut, Sampling(5.0)), read_whole(cut, Sampling(5.0)))


def test_a_shown_frame_that_is_damaged_leaves_the_one_before_it_on_screen() -> None:
    """Though that one would have been left out."""
    clip = bytearray(textured(6))
    with av.open(io.BytesIO(clip), mode="r") as container:
        packets = {packet.pts or 0: packet for packet in container.demux(video=0) if packet.size}
    shown = packets[sorted(packets)[5]]
    assert shown.pos is not None
    clip[shown.pos : shown.pos + shown.size] = bytes(shown.size)
    got = read(bytes(clip), Sampling(5.0))
    assert_equal(got, read_whole(bytes(clip), Sampling(5.0)))
    assert np.array_equal(got[0][1].image, frames_of(6)[4])
