from __future__ import annotations

import io
import math
import re
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image as Pillow

from affect_core import container
from affect_core.decode import ClipReader
from affect_core.errors import (
    ClipError,
    ClipTooLongError,
    DeadlineExceededError,
    FrameTooLargeError,
    InvalidSamplingError,
    NoVideoStreamError,
    UndecodableClipError,
)
from affect_core.limits import Deadline, Limits
from affect_core.orientation import Orientation
from affect_core.types import ClipInfo, Sample, Sampling
from clips import (
    Image,
    audio_only,
    carphone,
    decoded,
    encode,
    huge_frame,
    number_of,
    numbered,
    one_pixel,
    remux,
    truncated,
    two_hour_header,
    two_hours,
    zero_frames,
)


class Read(NamedTuple):
    samples: list[Sample]
    info: ClipInfo

    @property
    def numbers(self) -> list[int]:
        return [number_of(sample.image) for sample in self.samples]

    @property
    def indices(self) -> list[int]:
        return [sample.index for sample in self.samples]


def opened(
    data: bytes | bytearray | memoryview,
    limits: Limits | None = None,
    deadline: Deadline | None = None,
) -> ClipReader:
    return ClipReader(data, limits or Limits(), deadline or Deadline(60))


def read(
    data: bytes | bytearray | memoryview,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
) -> Read:
    with opened(data, limits) as reader:
        samples = list(reader.samples(sampling or Sampling(25.0)))
        return Read(samples, reader.info)


def as_file(picture: Image, kind: str, *, colours: int | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Pillow.fromarray(picture)
    (image.quantize(colours) if colours else image).save(buffer, kind)
    return buffer.getvalue()


def test_carphone_gives_twenty_samples_of_what_was_on_screen() -> None:
    stored = decoded(carphone())
    result = read(carphone(), Sampling(5.0))
    # 120 frames of 1001/30000 s end at 3.97 s: samples at 0, 0.2 ... 3.8.
    assert result.indices == list(range(20))
    for sample in result.samples:
        position = math.floor((sample.index / 5 + 0.0005) * 30_000 / 1001)
        assert np.array_equal(sample.image, stored[position])
    assert result.info == ClipInfo(4.004, 176, 144, "h264", 0, truncated=False)


CODECS = [
    ("mp4", "libx264", "yuv420p", "h264"),
    ("mp4", "libx264", "yuv420p10le", "h264"),
    ("mp4", "libx264", "yuv444p", "h264"),
    ("mp4", "libx265", "yuv420p", "hevc"),
    ("mp4", "libx265", "yuv420p10le", "hevc"),
    ("mp4", "libsvtav1", "yuv420p", "av1"),
    ("webm", "libvpx", "yuv420p", "vp8"),
    ("webm", "libvpx-vp9", "yuv420p", "vp9"),
    ("webm", "libvpx-vp9", "yuva420p", "vp9"),
    ("matroska", "ffv1", "gray", "ffv1"),
    ("matroska", "ffv1", "gray16le", "ffv1"),
    ("matroska", "ffv1", "yuva444p", "ffv1"),
    ("mov", "png", "rgba", "png"),
    ("mov", "prores_ks", "yuv422p10le", "prores"),
    ("mov", "prores_ks", "yuva444p10le", "prores"),
    ("gif", "gif", "rgb8", "gif"),
    ("apng", "apng", "rgba", "apng"),
    ("mpegts", "mpeg2video", "yuv420p", "mpeg2video"),
    ("mpegts", "libx264", "yuv420p", "h264"),
    ("flv", "flv", "yuv420p", "flv1"),
    ("avi", "mjpeg", "yuvj420p", "mjpeg"),
    ("avi", "mpeg4", "yuv420p", "mpeg4"),
    ("asf", "wmv2", "yuv420p", "wmv2"),
    ("ivf", "libvpx", "yuv420p", "vp8"),
]


@pytest.mark.parametrize(("container", "codec", "pixel_format", "name"), CODECS)
def test_every_codec_and_pixel_format_gives_its_frames_in_order(
    container: str, codec: str, pixel_format: str, name: str
) -> None:
    clip = encode(numbered(12), container=container, codec=codec, pixel_format=pixel_format)
    result = read(clip)
    assert result.numbers == list(range(12))
    assert result.info.codec == name
    assert (result.info.width, result.info.height) == (64, 48)
    assert not result.info.truncated
    assert result.info.duration_s == pytest.approx(0.48, abs=0.1)


def test_monochrome_h264_of_full_range_keeps_its_brightness() -> None:
    clip = encode(numbered(8), pixel_format="gray", full_range=True)
    assert read(clip).numbers == list(range(8))


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_frames_stored_out_of_order_are_shown_in_order(container: str) -> None:
    clip = encode(numbered(20), container=container, options={"bf": "3", "b-adapt": "0"})
    assert read(clip).numbers == list(range(20))


def test_h264_with_b_frames_in_avi_loses_no_frame() -> None:
    clip = encode(numbered(12), container="avi", options={"bf": "3"})
    assert read(clip).numbers == list(range(12))


@pytest.mark.parametrize(
    "picture",
    [
        as_file(numbered(6)[5], "PNG", colours=4),
        as_file(numbered(6)[5], "PNG"),
        as_file(numbered(6)[5], "JPEG"),
        as_file(numbered(6)[5], "GIF", colours=4),
    ],
    ids=["palette-png", "png", "jpeg", "gif"],
)
def test_a_still_image_is_a_clip_of_one_frame(picture: bytes) -> None:
    result = read(picture, Sampling(5.0))
    assert (result.numbers, result.indices) == ([5], [0])


def test_a_gif_shows_each_frame_for_its_own_time() -> None:
    pictures = [Pillow.fromarray(image) for image in numbered(6)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[40, 200, 40, 40, 400, 40],
    )
    # On screen from 0, 40, 240, 280, 320 and 720 ms.
    assert read(buffer.getvalue(), Sampling(5.0)).numbers == [0, 1, 4, 4]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_samples_follow_timestamps_and_not_frame_counts(container: str) -> None:
    clip = encode(numbered(6), (0, 40, 300, 310, 700, 1000), container=container)
    assert read(clip, Sampling(5.0)).numbers == [0, 1, 3, 3, 4, 5]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("offset_ms", [80, 5000])
def test_time_counts_from_the_first_frame(container: str, offset_ms: int) -> None:
    times = [offset_ms + time for time in (0, 40, 300, 310, 700, 1000)]
    result = read(encode(numbered(6), times, container=container), Sampling(5.0))
    assert result.numbers == [0, 1, 3, 3, 4, 5]
    assert [sample.time_s for sample in result.samples] == [k / 5 for k in range(6)]


@pytest.mark.parametrize(
    "container",
    [
        "mp4",
        "mpegts",
        "matroska",
    ],
)
def test_a_late_first_timestamp_neither_lengthens_a_clip_nor_breaks_it_off(container: str) -> None:
    times = range(5000, 6000, 40)
    info = read(encode(numbered(25), times, container=container), Sampling(5.0)).info
    assert not info.truncated
    assert info.duration_s == pytest.approx(1.0, abs=0.1)


def test_a_clip_lasts_at_least_until_its_last_frame() -> None:
    clip = encode(numbered(12), container="vob", codec="mpeg2video")
    result = read(clip)
    assert result.info.duration_s is not None
    assert result.info.duration_s >= result.samples[-1].time_s - 1e-6


@pytest.mark.parametrize("fps", [1.0, 4.0, 7.0, 12.5, 25.0, 29.97, 30.0])
def test_any_rate_shows_the_frame_of_its_time(fps: float) -> None:
    result = read(encode(numbered(25)), Sampling(fps))
    assert result.indices == list(range(math.floor(0.9605 * fps) + 1))
    for sample, number in zip(result.samples, result.numbers, strict=True):
        assert number == math.floor((sample.index / fps + 0.0005) * 25)
        assert sample.time_s == sample.index / fps


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(0.0, 0.4), (0.2, 0.6), (0.25, 0.79), (0.4, None), (0.8, 99.0), (0.16, 0.24)],
)
def test_a_window_is_half_open_and_keeps_the_clip_s_own_indices(
    start_s: float, end_s: float | None
) -> None:
    clip = encode(numbered(25))
    whole = read(clip, Sampling(5.0))
    part = read(clip, Sampling(5.0, start_s, end_s))
    expected = [k for k in whole.indices if start_s <= k / 5 < (end_s or math.inf)]
    assert part.indices == expected
    assert part.numbers == [whole.numbers[k] for k in expected]


@pytest.mark.parametrize(("start_s", "end_s"), [(9.0, None), (0.21, 0.39), (0.9605, 1.0)])
def test_a_window_without_a_sample_is_an_invalid_sampling(
    start_s: float, end_s: float | None
) -> None:
    with pytest.raises(InvalidSamplingError):
        read(encode(numbered(25)), Sampling(5.0, start_s, end_s))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(
    kind: type[bytes] | type[bytearray] | type[memoryview],
) -> None:
    assert read(kind(encode(numbered(6)))).numbers == list(range(6))


# Orientation. The matrix in an MP4's track header takes a stored pixel (p, q) to
# (a p + c q, b p + d q); ISO/IEC 14496-12, tkhd.
UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
SIDEWAYS: Image = np.random.default_rng(3).integers(0, 256, (32, 48, 3), np.uint8)


def with_matrix(a: int, b: int, c: int, d: int) -> bytes:
    data = bytearray(encode([SIDEWAYS], container="mov", codec="png", pixel_format="rgb24"))
    at = data.index(UPRIGHT, data.index(b"tkhd"))
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    return bytes(data)


@pytest.mark.parametrize(
    ("degrees", "matrix"),
    [(0, (1, 0, 0, 1)), (90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))],
)
def test_a_turned_clip_is_read_upright(degrees: int, matrix: tuple[int, int, int, int]) -> None:
    result = read(with_matrix(*matrix))
    image = result.samples[0].image
    assert np.array_equal(image, np.rot90(SIDEWAYS, -degrees // 90))
    assert image.flags.c_contiguous
    assert result.info.rotation == degrees
    assert (result.info.height, result.info.width) == image.shape[:2]


@pytest.mark.parametrize("counter_clockwise", [0, 90, 180, 270])
def test_a_turn_that_ffmpeg_writes_is_undone(counter_clockwise: int) -> None:
    plain = read(remux(carphone()), Sampling(5.0, 0.0, 0.5))
    turned = read(remux(carphone(), rotation=counter_clockwise), Sampling(5.0, 0.0, 0.5))
    assert turned.info.rotation == -counter_clockwise % 360
    for before, after in zip(plain.samples, turned.samples, strict=True):
        assert np.array_equal(after.image, np.rot90(before.image, counter_clockwise // 90))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), SIDEWAYS[:, ::-1]),
        ((1, 0, 0, -1), SIDEWAYS[::-1]),
        ((0, 1, 1, 0), SIDEWAYS.swapaxes(0, 1)),
        ((0, -1, -1, 0), SIDEWAYS[::-1, ::-1].swapaxes(0, 1)),
    ],
)
def test_a_mirrored_clip_is_read_unmirrored(
    matrix: tuple[int, int, int, int], expected: Image
) -> None:
    assert np.array_equal(read(with_matrix(*matrix)).samples[0].image, expected)


def test_a_change_of_resolution_keeps_the_first_frame_s_coordinates() -> None:
    plain = {"bf": "0"}
    frames = numbered(10)
    larger = [image.repeat(2, 0).repeat(3, 1) for image in frames[5:]]
    small = encode(frames[:5], range(0, 200, 40), container="mpegts", options=plain)
    large = encode(larger, range(200, 400, 40), container="mpegts", options=plain)
    result = read(small + large)
    assert result.numbers == list(range(10))
    assert {sample.image.shape for sample in result.samples} == {(48, 64, 3)}


# Damage.


def assert_is_prefix(part: list[Sample], whole: list[Sample]) -> None:
    assert 0 < len(part) < len(whole)
    for cut, intact in zip(part, whole, strict=False):
        assert cut.index == intact.index
        assert np.array_equal(cut.image, intact.image)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_an_mp4_with_its_index_in_front_is_answered_up_to_the_break(share: float) -> None:
    whole = remux(carphone(), movflags="faststart")
    result = read(truncated(whole, share), Sampling(5.0))
    assert result.info.truncated
    assert result.info.duration_s == pytest.approx(4.004)
    assert_is_prefix(result.samples, read(whole, Sampling(5.0)).samples)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_matroska_is_answered_up_to_the_break(share: float) -> None:
    whole = remux(carphone(), container="matroska")
    result = read(truncated(whole, share), Sampling(5.0))
    assert result.info.truncated
    assert_is_prefix(result.samples, read(whole, Sampling(5.0)).samples)


def test_an_mp4_with_its_index_behind_that_was_cut_is_undecodable() -> None:
    with pytest.raises(UndecodableClipError, match="faststart"):
        read(truncated(remux(carphone())))


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_the_end_of_a_whole_clip_is_no_break(container: str) -> None:
    assert not read(remux(carphone(), container=container), Sampling(5.0)).info.truncated


@pytest.mark.parametrize("filler", [0x00, 0xFF, 0x5A])
def test_corrupt_bytes_in_the_middle_do_not_end_the_clip(filler: int) -> None:
    damaged = bytearray(remux(carphone(), movflags="faststart"))
    middle = len(damaged) // 2
    damaged[middle : middle + 400] = bytes([filler]) * 400
    result = read(damaged, Sampling(5.0))
    assert result.indices == list(range(20))


def with_a_ruined_frame(codec: str, pixel_format: str, number: int) -> bytes:
    clip = encode(numbered(8), container="mov", codec=codec, pixel_format=pixel_format)
    with av.open(io.BytesIO(clip), mode="r") as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
    assert packet.pos is not None
    return clip[: packet.pos] + b"\xff" * packet.size + clip[packet.pos + packet.size :]


ruined = pytest.mark.parametrize(
    ("codec", "pixel_format"), [("png", "rgba"), ("prores_ks", "yuv422p10le")]
)


@ruined
def test_a_frame_that_cannot_be_decoded_leaves_the_one_before_it_on_screen(
    codec: str, pixel_format: str
) -> None:
    result = read(with_a_ruined_frame(codec, pixel_format, 3))
    assert result.numbers == [0, 1, 2, 2, 4, 5, 6, 7]
    assert not result.info.truncated


@ruined
def test_a_last_frame_that_cannot_be_decoded_is_a_break(codec: str, pixel_format: str) -> None:
    result = read(with_a_ruined_frame(codec, pixel_format, 7))
    assert result.numbers == list(range(7))
    assert result.info.truncated


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "libx264"), ("matroska", "ffv1"), ("avi", "mjpeg")]
)
@pytest.mark.parametrize("seed", range(4))
def test_damage_anywhere_gives_samples_or_one_of_our_errors(
    container: str, codec: str, seed: int
) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    whole = encode(numbered(8), container=container, codec=codec, pixel_format=pixel_format)
    random = np.random.default_rng(seed)
    for _ in range(10):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(0, len(damaged), 12)] = random.integers(0, 256, 12, np.uint8)
        try:
            indices = read(damaged.tobytes(), limits=Limits(max_samples=100)).indices
        except ClipError:
            continue
        assert indices == list(range(len(indices)))


# Refusals.


def cover_art() -> bytes:
    """Silence in AAC with a picture attached, as music has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), "w", format="mp4") as out:
            sound = out.add_stream("aac", rate=16000)
            picture = out.add_stream("mjpeg", rate=25)
            assert isinstance(sound, AudioStream)
            assert isinstance(picture, VideoStream)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(numbered(4)[3], format="rgb24")
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            out.mux([*picture.encode(frame.reformat(format="yuvj420p")), *picture.encode(None)])
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate = 16000
            out.mux([*sound.encode(silence), *sound.encode(None)])
        return path.read_bytes()


@pytest.mark.parametrize(
    ("clip", "error"),
    [
        (audio_only, NoVideoStreamError),
        (cover_art, NoVideoStreamError),
        (zero_frames, UndecodableClipError),
        (one_pixel, UndecodableClipError),
        (huge_frame, FrameTooLargeError),
        (two_hours, ClipTooLongError),
        (two_hour_header, ClipTooLongError),
        (lambda: b"a line of text\n" * 100, UndecodableClipError),
        (lambda: np.random.default_rng(5).bytes(5000), UndecodableClipError),
        (lambda: b"", UndecodableClipError),
        (lambda: b"\0" * 5000, UndecodableClipError),
    ],
    ids=[
        "audio_only",
        "cover_art",
        "zero_frames",
        "one_pixel",
        "huge_frame",
        "two_hours",
        "two_hour_header",
        "text",
        "random",
        "empty",
        "zeros",
    ],
)
def test_what_is_no_usable_clip_is_refused_by_its_own_error(
    clip: object, error: type[ClipError]
) -> None:
    assert callable(clip)
    with pytest.raises(ClipError) as raised:
        read(clip())
    assert type(raised.value) is error
    assert str(raised.value).endswith((".", "mp4", "anyway."))


def test_part_of_a_long_clip_may_be_asked_for() -> None:
    assert read(two_hours(), Sampling(5.0, 0.0, 1.0)).indices == list(range(5))
    assert read(two_hour_header(), Sampling(5.0, 0.0, 1.0)).indices == list(range(5))


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile '{clip}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n{clip}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\nfile://{clip}\n#EXT-X-ENDLIST\n",
    ],
    ids=["ffconcat", "hls", "hls-url"],
)
def test_a_script_that_names_a_local_file_is_not_followed(
    script: str, *, absolute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "clip.ts"
    local.write_bytes(encode(numbered(25), container="mpegts"))
    monkeypatch.chdir(tmp_path)
    upload = script.format(clip=local if absolute else local.name).encode()
    with pytest.raises(UndecodableClipError, match="Playlists are not read"):
        read(upload)


def test_the_script_of_the_test_above_would_be_followed_without_the_list_of_formats(
    tmp_path: Path,
) -> None:
    local = tmp_path / "clip.ts"
    local.write_bytes(encode(numbered(25), container="mpegts"))
    upload = f"ffconcat version 1.0\nfile '{local}'\n".encode()
    with av.open(io.BytesIO(upload), options={"safe": "0"}) as container:
        assert container.format.name == "concat"


@pytest.mark.parametrize(
    ("container", "codec"), [("h264", "libx264"), ("hevc", "libx265")], ids=["h264", "hevc"]
)
def test_a_raw_stream_without_timestamps_says_so(container: str, codec: str) -> None:
    with pytest.raises(UndecodableClipError, match="timestamps"):
        read(encode(numbered(8), container=container, codec=codec))


@pytest.mark.parametrize(
    ("container", "codec"), [("avi", "mpeg4"), ("mp4", "libx264"), ("matroska", "libx264")]
)
def test_a_title_that_is_not_utf_8_does_not_make_a_clip_unreadable(
    container: str, codec: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), "w", format=container) as out:
            out.metadata["title"] = "Cafe-01"
            stream = out.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for index, image in enumerate(numbered(4)):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame = frame.reformat(format="yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        data = path.read_bytes()
    assert data.count(b"Cafe-01") >= 1
    assert read(data.replace(b"Cafe-01", "Café-01".encode("latin-1"))).numbers == [0, 1, 2, 3]


# Limits.


def test_a_clip_of_stated_length_is_refused_before_it_is_decoded() -> None:
    with opened(encode(numbered(25)), Limits(max_duration_s=0.5)) as reader:
        with pytest.raises(ClipTooLongError, match=r"limit is 0\.5 s"):
            next(reader.samples(Sampling(5.0)))
        # The part within the limit may still be had.
        assert len(list(reader.samples(Sampling(5.0, 0.0, 0.4)))) == 2


def test_more_samples_than_allowed_are_refused_before_decoding() -> None:
    with (
        opened(encode(numbered(25)), Limits(max_samples=5)) as reader,
        pytest.raises(ClipTooLongError, match="limit is 5"),
    ):
        next(reader.samples(Sampling(25.0)))


def of_unknown_length() -> bytes:
    clip = encode(numbered(25), container="mjpeg", codec="mjpeg", pixel_format="yuvj420p")
    with opened(clip) as reader:
        assert reader.info.duration_s is None
    return clip


def test_a_clip_that_states_no_length_gets_it_from_its_last_frame() -> None:
    assert read(of_unknown_length()).info.duration_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("limits", "given"),
    [(Limits(max_samples=5), 5), (Limits(max_duration_s=0.2), 6)],
    ids=["samples", "duration"],
)
def test_limits_hold_while_decoding_where_no_length_is_stated(limits: Limits, given: int) -> None:
    with opened(of_unknown_length(), limits) as reader:
        samples = reader.samples(Sampling(25.0))
        assert [next(samples).index for _ in range(given)] == list(range(given))
        with pytest.raises(ClipTooLongError):
            next(samples)


@pytest.mark.parametrize(
    "limits",
    [Limits(max_side=63), Limits(max_pixels=64 * 48 - 1)],
    ids=["side", "pixels"],
)
def test_a_frame_one_pixel_too_large_is_refused(limits: Limits) -> None:
    clip = encode(numbered(2))
    with pytest.raises(FrameTooLargeError, match="64x48"):
        read(clip, limits=limits)
    exact = Limits(max_side=64, max_pixels=64 * 48)
    assert read(clip, limits=exact).numbers == [0, 1]


def test_a_frame_that_grows_too_large_on_the_way_is_refused() -> None:
    plain = {"bf": "0"}
    frames = numbered(25)
    # Longer than what FFmpeg looks through before it opens a stream.
    small = encode(frames * 12, range(0, 12_000, 40), container="mpegts", options=plain)
    larger = [image.repeat(2, 0).repeat(3, 1) for image in frames]
    large = encode(larger, range(12_000, 13_000, 40), container="mpegts", options=plain)
    with opened(small + large, Limits(max_side=100)) as reader:
        samples = reader.samples(Sampling(1.0))
        assert next(samples).index == 0
        with pytest.raises(FrameTooLargeError, match="192x96"):
            list(samples)


@pytest.mark.parametrize(("width", "height"), [(14, 64), (64, 14)])
def test_a_frame_too_small_for_any_face_is_refused(width: int, height: int) -> None:
    with pytest.raises(UndecodableClipError, match=f"{width}x{height}"):
        read(encode(numbered(2, width, height)))
    assert read(encode(numbered(2, 16, 16))).numbers == [0, 1]


def test_a_deadline_that_is_over_stops_the_opening() -> None:
    with pytest.raises(DeadlineExceededError):
        opened(encode(numbered(8)), deadline=Deadline(0))


class Packets:
    """Counts the packets that are read; the deadline is over after `allowed` of them."""

    def __init__(self) -> None:
        self.seen = 0
        self.allowed = math.inf

    def method(self) -> Callable[[Deadline], None]:
        def check(deadline: Deadline) -> None:
            self.seen += 1
            if self.seen > self.allowed:
                raise deadline.error()

        return check


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> Packets:
    counted = Packets()
    monkeypatch.setattr(Deadline, "check", counted.method())
    # Reads of the file are asked about too, and would be counted.
    monkeypatch.setattr(container._Watched, "read", io.BytesIO.read)
    return counted


def of_key_frames(count: int) -> bytes:
    frames = numbered(30)
    return encode(
        (frames[i % 30] for i in range(count)),
        container="avi",
        codec="mjpeg",
        pixel_format="yuvj420p",
    )


def test_a_deadline_that_passes_while_decoding_stops_it(packets: Packets) -> None:
    packets.allowed = 50
    with opened(of_key_frames(100)) as reader:
        samples = reader.samples(Sampling(25.0))
        assert [next(samples).index for _ in range(40)] == list(range(40))
        with pytest.raises(DeadlineExceededError, match="60 s"):
            list(samples)


def test_samples_come_while_the_rest_is_not_decoded_yet(packets: Packets) -> None:
    with opened(of_key_frames(200)) as reader:
        for sample in reader.samples(Sampling(5.0)):
            # Frame 5 k, the next one, which ends its time on screen, and a decoder's delay.
            assert packets.seen <= 5 * sample.index + 4
    assert packets.seen >= 200


def test_closing_early_decodes_no_more(packets: Packets) -> None:
    with opened(of_key_frames(200)) as reader:
        next(reader.samples(Sampling(5.0)))
    assert 1 <= packets.seen < 10


def test_a_window_that_ends_decodes_no_further(packets: Packets) -> None:
    with opened(of_key_frames(200)) as reader:
        assert len(list(reader.samples(Sampling(5.0, 0.0, 2.0)))) == 10
    # The last sample, at 1.8 s, is frame 45, and is given when frame 46 comes.
    assert 46 < packets.seen < 50


def test_only_sampled_frames_are_converted_and_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converted = 0
    apply = Orientation.apply

    def counted(self: Orientation, image: Image) -> Image:
        nonlocal converted
        converted += 1
        return apply(self, image)

    monkeypatch.setattr(Orientation, "apply", counted)
    clip = encode(numbered(25))
    read(clip, Sampling(5.0))
    assert converted == 5
    converted = 0
    read(encode(numbered(3), fps=5), Sampling(30.0))
    assert converted == 3


def test_messages_hold_nothing_taken_from_the_clip() -> None:
    secret = b"classified"
    with pytest.raises(UndecodableClipError) as raised:
        read(secret * 50)
    assert not re.search("classified", str(raised.value))
