from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from affect_core.decode import ClipReader
from affect_core.limits import Deadline, Limits
from affect_core.types import Sampling
from affect_training.errors import DataError
from affect_training.ratings.frames import frame_times, frame_trace
from affect_training.ratings.join import join
from affect_training.ratings.types import Trace
from clips import audio_only, carphone, encode, number_of, numbered, remux, truncated


def stored(folder: Path, data: bytes, name: str = "v.mp4") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def trace_of(clip: Path, frames: int, first: int = 0) -> Trace:
    """Frame n is rated n / 30."""
    values = np.arange(first, first + frames, dtype=np.float64) / 30
    return frame_trace(
        "a",
        source=clip.with_suffix(".txt"),
        clip=clip,
        number=range(first, first + frames),
        arousal=values,
        valence=-values,
    )


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_every_frame_has_its_time(tmp_path: Path, container: str) -> None:
    clip = stored(tmp_path, remux(carphone(), container=container))
    assert frame_times(clip) == pytest.approx(np.arange(120) * 1001 / 30000, abs=0.0006)


def test_avi_has_its_own_clock(tmp_path: Path) -> None:
    clip = stored(tmp_path, encode(numbered(20), container="avi", codec="mpeg4"))
    assert frame_times(clip) == pytest.approx(np.arange(20) / 25)


def test_times_are_the_timestamps_whatever_the_rate_says(tmp_path: Path) -> None:
    times_ms = (0, 40, 400, 440, 1000)
    clip = stored(tmp_path, encode(numbered(5), times_ms, fps=25))
    assert frame_times(clip) == pytest.approx(np.array(times_ms) / 1000)


def test_times_start_at_the_first_frame(tmp_path: Path) -> None:
    clip = stored(tmp_path, encode(numbered(3), (5000, 5040, 5080), container="matroska"))
    assert frame_times(clip) == pytest.approx([0, 0.04, 0.08])


@pytest.mark.parametrize(
    "times_ms",
    [tuple(range(0, 1200, 40)), tuple(int(i * 1001 / 30) for i in range(30)), (0, 90, 100, 700)],
)
def test_a_sample_gets_the_rating_of_the_frame_it_shows(
    tmp_path: Path, times_ms: tuple[int, ...]
) -> None:
    data = encode(numbered(len(times_ms)), times_ms)
    with ClipReader(data, Limits(), Deadline(60)) as reader:
        samples = list(reader.samples(Sampling(fps=5)))
    rated = trace_of(stored(tmp_path, data), len(times_ms))
    arousal, _ = join(rated, np.array([s.time_s for s in samples]), max_age_s=1)
    assert [round(a * 30) for a in arousal] == [number_of(s.image) for s in samples]


def test_fewer_ratings_than_frames_leave_the_rest_unrated(tmp_path: Path) -> None:
    rated = trace_of(stored(tmp_path, encode(numbered(20))), 10)
    assert rated.time_s == pytest.approx(np.arange(10) / 25)


def test_a_second_too_many_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = stored(tmp_path, encode(numbered(20)))
    with caplog.at_level(logging.WARNING):
        rated = trace_of(clip, 45)
    assert len(rated.time_s) == 20
    assert f"{tmp_path / 'v.txt'}: the last 25 ratings lie past the 20 frames" in caplog.text


@pytest.mark.parametrize(("first", "frames"), [(0, 46), (20, 5)])
def test_ratings_of_another_clip_are_refused(tmp_path: Path, first: int, frames: int) -> None:
    clip = stored(tmp_path, encode(numbered(20)))
    with pytest.raises(DataError, match=r"v\.txt rates .*v\.mp4 has 20 frames"):
        trace_of(clip, frames, first)


def test_a_clip_of_one_frame_takes_one_rating(tmp_path: Path) -> None:
    clip = stored(tmp_path, encode(numbered(1)))
    assert len(trace_of(clip, 1).time_s) == 1
    with pytest.raises(DataError, match="has 1 frames"):
        trace_of(clip, 3)


def test_a_clip_that_breaks_off_keeps_the_numbers_before(tmp_path: Path) -> None:
    clip = stored(tmp_path, truncated(remux(carphone(), container="matroska")))
    times = frame_times(clip)
    assert 2 < len(times) < 120
    # The break may take a frame out of the last few, which are not stored in order.
    assert times[:-2] == pytest.approx(np.arange(len(times) - 2) * 1001 / 30000, abs=0.0006)


@pytest.mark.parametrize(("damaged", "known"), [(10, None), (19, 19)])
def test_no_number_is_given_after_a_damaged_frame(
    tmp_path: Path, damaged: int, known: int | None
) -> None:
    data = bytearray(encode(numbered(20), codec="png", container="mov", pixel_format="rgb24"))
    at = -1
    for _ in range(damaged + 1):
        at = data.index(b"\x89PNG", at + 1)
    data[at : at + 4] = b"GIF8"
    clip = stored(tmp_path, bytes(data), "bad.mov")
    if known is None:
        with pytest.raises(DataError, match=r"bad\.mov has a damaged frame after 10 good ones"):
            frame_times(clip)
    else:
        assert len(frame_times(clip)) == known


@pytest.mark.parametrize("data", [b"", b"no video", audio_only()])
def test_what_is_no_video_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match=r"v\.mp4"):
        frame_times(stored(tmp_path, data))


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"v\.mp4 cannot be read"):
        frame_times(tmp_path / "v.mp4")
