from __future__ import annotations

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.affwild2 import read_affwild2
from affect_training.ratings.join import join
from rated import LabelFolder

HEADER = "valence,arousal\n"


def lines(count: int) -> str:
    return "".join(f"{n / 100},{-n / 100}\n" for n in range(count))


def test_line_n_rates_frame_n(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("video1.txt", HEADER + lines(50))
    path = folder.clip("video1.mp4", 50)
    (clip,) = read_affwild2(folder.ratings, folder.clips, None, quiet)
    assert (clip.clip, clip.subject, clip.split) == (path, "video1", None)
    (trace,) = clip.traces
    assert trace.time_s == pytest.approx(np.arange(50) / 25)
    assert trace.valence == pytest.approx(np.arange(50) / 100)
    assert trace.arousal == pytest.approx(-np.arange(50) / 100)


def test_25_hz_against_5_fps(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("video1.txt", HEADER + lines(50))
    folder.clip("video1.mp4", 50)
    (clip,) = read_affwild2(folder.ratings, folder.clips, None, quiet)
    _, valence = join(clip.traces[0], np.arange(10) / 5, 0.2)
    assert valence == pytest.approx(np.arange(0, 50, 5) / 100)


def test_minus_5_is_an_invalid_frame_in_either_column(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("v.txt", HEADER + "0.1,0.2 \n-5,-5\n-5.0,0.3\n0.3, -5\r\n 0.5 , 0.6\n\n")
    folder.clip("v.mp4", 5)
    (clip,) = read_affwild2(folder.ratings, folder.clips, None, quiet)
    nan = np.nan
    assert np.array_equal(clip.traces[0].valence, [0.1, nan, nan, nan, 0.5], equal_nan=True)
    assert np.array_equal(clip.traces[0].arousal, [0.2, nan, nan, nan, 0.6], equal_nan=True)
    assert len(clip.traces[0].time_s) == 5


def test_left_and_right_are_one_subject_with_videos_of_their_own(
    folder: LabelFolder, quiet: Advance
) -> None:
    for name in ("video5_left", "video5_right", "video6"):
        folder.text(f"{name}.txt", HEADER + lines(3))
        folder.clip(f"{name}.avi", 3)
    read = read_affwild2(folder.ratings, folder.clips, None, quiet)
    assert [clip.subject for clip in read] == ["video5", "video5", "video6"]
    listed = {"video5_left": "a", "video5_right": "b", "video6": "a"}
    read = read_affwild2(folder.ratings, folder.clips, listed, quiet)
    assert [clip.subject for clip in read] == ["a", "b", "a"]


def test_one_of_two_people_is_not_guessed(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("video5_left.txt", HEADER + lines(3))
    folder.clip("video5.mp4", 3)
    with pytest.raises(DataError, match=r"video5_left\.txt rates video5_left, .* no video"):
        read_affwild2(folder.ratings, folder.clips, None, quiet)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: the header must be valence,arousal"),
        ("arousal,valence\n0,0\n", "line 1: the header"),
        ("0.1,0.2\n", "line 1: the header"),
        (HEADER, "rates no frame"),
        (HEADER + "0,0\n0.1\n", "line 3: '0.1' is not valence,arousal"),
        (HEADER + "0,0\n\n0,0\n", "line 3: '' is not"),
        (HEADER + "0,0,0\n", "line 2"),
        (HEADER + "0,0\n0,1.2\n", "line 3: arousal is 1.2"),
        (HEADER + "-4,0\n", "line 2: valence is -4"),
        (HEADER + "nan,0\n", "line 2: a rating is 'nan'"),
        (HEADER + "0,x\n", "line 2: a rating is 'x'"),
    ],
)
def test_a_malformed_line_names_file_and_line(
    folder: LabelFolder, quiet: Advance, content: str, said: str
) -> None:
    path = folder.text("v.txt", content)
    folder.clip("v.mp4", 3)
    with pytest.raises(DataError, match=said) as caught:
        read_affwild2(folder.ratings, folder.clips, None, quiet)
    assert str(path) in str(caught.value)
