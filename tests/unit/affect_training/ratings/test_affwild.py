from __future__ import annotations

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.affwild import read_affwild
from rated import LabelFolder


def write(folder: LabelFolder, name: str, arousal: list[float], valence: list[float]) -> None:
    for what, values in (("arousal", arousal), ("valence", valence)):
        folder.text(f"{what}/{name}.txt", "".join(f"{value} \n" for value in values))


def test_two_files_make_one_trace(folder: LabelFolder, quiet: Advance) -> None:
    write(folder, "002", [0.2, 0.4, -1], [0.1, 0, 1])
    write(folder, "001", [0.0], [0.0])
    folder.clip("001.mp4", 3)
    folder.clip("002.mp4", 3, fps=30)
    one, two = read_affwild(folder.ratings, folder.clips, None, quiet)
    assert (one.subject, two.subject) == ("001", "002")
    (trace,) = two.traces
    assert trace.time_s == pytest.approx(np.arange(3) / 30)
    assert trace.arousal.tolist() == [0.2, 0.4, -1]
    assert trace.valence.tolist() == [0.1, 0, 1]


def test_both_dimensions_rate_as_many_frames(folder: LabelFolder, quiet: Advance) -> None:
    write(folder, "001", [0.2, 0.4], [0.1])
    folder.clip("001.mp4", 3)
    with pytest.raises(DataError, match=r"arousal/001\.txt rates 2 .*valence/001\.txt 1: one is"):
        read_affwild(folder.ratings, folder.clips, None, quiet)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0.1\n\n0.2\n", "line 2: valence is ''"),
        ("0.1\n0,2\n0.3\n", "line 2: valence is '0,2'"),
        ("0.1\n0.2\n1.5\n", "line 3: valence is 1.5, which is outside"),
        ("-5\n0.2\n0.5\n", "line 1: valence is -5, which is outside"),
        ("", "rates no frame"),
    ],
)
def test_a_malformed_line_names_file_and_line(
    folder: LabelFolder, quiet: Advance, content: str, said: str
) -> None:
    write(folder, "001", [0, 0, 0], [0, 0, 0])
    path = folder.text("valence/001.txt", content)
    folder.clip("001.mp4", 3)
    with pytest.raises(DataError, match=said) as caught:
        read_affwild(folder.ratings, folder.clips, None, quiet)
    assert str(path) in str(caught.value)
