from __future__ import annotations

import numpy as np
import pytest

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.annemo import read_annemo
from affect_training.ratings.gold import combine
from affect_training.ratings.join import join_all
from rated import LabelFolder

HEADER = "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"


def rows(count: int, sign: int = 1) -> str:
    """Annotator k rates sign * (k + row / 1000) / 10."""
    return "".join(
        f"{row * 0.04:.2f};"
        + ";".join(f"{sign * (k + row / 1000) / 10:.4f}" for k in range(6))
        + "\r\n"
        for row in range(count)
    )


def write(folder: LabelFolder, arousal: str, valence: str, header: str = HEADER) -> None:
    folder.text("arousal/P16.csv", f"{header}\r\n{arousal}")
    folder.text("valence/P16.csv", f"{header}\r\n{valence}")


def test_a_column_is_an_annotator_and_names_lose_their_spaces(
    folder: LabelFolder, quiet: Advance
) -> None:
    write(folder, rows(50), rows(50, -1))
    path = folder.clip("P16.mp4", 10)
    (clip,) = read_annemo(folder.ratings, folder.clips, None, quiet)
    assert (clip.clip, clip.subject) == (path, "P16")
    assert [t.annotator for t in clip.traces] == ["FM1", "FM2", "FM3", "FF1", "FF2", "FF3"]
    for k, trace in enumerate(clip.traces):
        assert trace.time_s == pytest.approx(np.arange(50) * 0.04)
        assert trace.arousal == pytest.approx((k + np.arange(50) / 1000) / 10, abs=1e-4)
        assert trace.valence == pytest.approx(-trace.arousal)


def test_25_hz_joins_5_fps_by_time_and_six_become_one(folder: LabelFolder, quiet: Advance) -> None:
    write(folder, rows(50), rows(50, -1))
    folder.clip("P16.mp4", 10)
    (clip,) = read_annemo(folder.ratings, folder.clips, None, quiet)
    arousal, _ = join_all(clip.traces, np.arange(10, dtype=np.float64) / 5, 0.2)
    assert arousal.shape == (10, 6)
    gold = combine(arousal, np.ones(6))
    assert gold == pytest.approx((2.5 + np.arange(0, 50, 5) / 1000) / 10, abs=1e-4)


def test_the_order_of_columns_may_differ(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("arousal/P16.csv", "time;A ;B\n0.00;0.1;0.2\n")
    folder.text("valence/P16.csv", "time;B ;A \n0.00;0.3;0.4\n")
    folder.clip("P16.mp4", 3)
    (clip,) = read_annemo(folder.ratings, folder.clips, None, quiet)
    found = {t.annotator: (t.arousal[0], t.valence[0]) for t in clip.traces}
    assert found == {"A": (0.1, 0.4), "B": (0.2, 0.3)}


def test_an_annotator_who_did_not_rate_leaves_both_cells_empty(
    folder: LabelFolder, quiet: Advance
) -> None:
    write(folder, "0;0.1; \n0.04;0.2;0.3\n", "0;0.1;\n0.04;0.2;0.3\n", "time;A;B")
    folder.clip("P16.mp4", 3)
    (clip,) = read_annemo(folder.ratings, folder.clips, None, quiet)
    assert np.isnan(clip.traces[1].arousal).tolist() == [True, False]
    assert not np.isnan(clip.traces[0].arousal).any()


@pytest.mark.parametrize(
    ("arousal", "valence", "said"),
    [
        ("0;0.1;0.2\n", "0;0.1;0.2\n0.04;0.1;0.2\n", r"has 1 rows and .* 2: one is cut short"),
        ("0;0.1;0.2\n0.04;0;0\n", "0;0.1;0.2\n0.05;0;0\n", r"valence/P16\.csv, line 3: its time"),
        ("0;;0.2\n", "0;0.1;0.2\n", r"arousal/P16\.csv, line 2: A's cell is empty"),
        ("0;0.1;0.2\n", "0;0.1;\n", r"valence/P16\.csv, line 2: B's cell is empty"),
        ("0;0.1;0.2\n", "0;0.1;0.2;\n", r"valence/P16\.csv, line 2: 4 cells under a header of 3"),
        ("0;0.1;0.2\n0;0.1;0.2\n", "0;0;0\n", r"arousal/P16\.csv, line 3: time 0 does not"),
        ("-1;0.1;0.2\n", "0;0;0\n", r"arousal/P16\.csv, line 2: time -1 does not"),
        ("0;0,1;0.2\n", "0;0;0\n", r"arousal/P16\.csv, line 2: A's arousal is '0,1'"),
        ("0;0;0\n", "0;nan;0\n", r"valence/P16\.csv, line 2: A's valence is 'nan'"),
        ("0;0;0\n", "0;0;1.5\n", r"valence/P16\.csv, line 2: B's valence is 1.5"),
        ("", "0;0;0\n", r"arousal/P16\.csv holds no rating"),
    ],
)
def test_a_malformed_line_names_file_and_line(
    folder: LabelFolder, quiet: Advance, arousal: str, valence: str, said: str
) -> None:
    write(folder, arousal, valence, "time;A ;B")
    folder.clip("P16.mp4", 3)
    with pytest.raises(DataError, match=said):
        read_annemo(folder.ratings, folder.clips, None, quiet)


@pytest.mark.parametrize("header", ["", "time", "A;B", "time;A;A ", "time;A;", "time,A,B"])
def test_a_header_that_is_none_is_refused(folder: LabelFolder, quiet: Advance, header: str) -> None:
    write(folder, "0;0;0\n", "0;0;0\n", header)
    folder.clip("P16.mp4", 3)
    with pytest.raises(DataError, match=r"arousal/P16\.csv, line 1"):
        read_annemo(folder.ratings, folder.clips, None, quiet)


def test_both_dimensions_have_the_same_annotators(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("arousal/P16.csv", "time;A;B\n0;0;0\n")
    folder.text("valence/P16.csv", "time;A;C\n0;0;0\n")
    folder.clip("P16.mp4", 3)
    with pytest.raises(DataError, match=r"has the annotators A, B, and .* A, C"):
        read_annemo(folder.ratings, folder.clips, None, quiet)
