from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_training.errors import DataError
from affect_training.ratings.manifest import clip_name, read_manifest, write_manifest
from affect_training.ratings.types import SPLITS, RatedClip, Trace

HEADER = "clip,subject,time_s,arousal,valence,annotator"
GOOD = "a.mp4,s1,0.0,0.5,-0.5,FM1"
FORMATS = [".csv", ".parquet"]


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "labels.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def row(**changes: Any) -> dict[str, Any]:
    values = {"clip": "a.mp4", "subject": "s1", "time_s": 0.0, "arousal": 0.5, "valence": -0.5}
    return {**values, "annotator": "FM1", **changes}


def same(one: list[RatedClip], other: list[RatedClip]) -> bool:
    """Equal in everything but where they were read."""
    if [(c.clip, c.subject, c.split) for c in one] != [(c.clip, c.subject, c.split) for c in other]:
        return False
    traces = [list(zip(a.traces, b.traces, strict=True)) for a, b in zip(one, other, strict=True)]
    return all(
        x.annotator == y.annotator
        and np.array_equal(x.time_s, y.time_s)
        and np.array_equal(x.arousal, y.arousal, equal_nan=True)
        and np.array_equal(x.valence, y.valence, equal_nan=True)
        for pairs in traces
        for x, y in pairs
    )


@st.composite
def rated_clips(draw: st.DrawFn) -> list[RatedClip]:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    with_split = draw(st.booleans())
    value = st.floats(-1, 1) | st.just(math.nan)
    clips = []
    for name in sorted(names):
        traces = []
        for annotator in sorted(draw(st.sets(st.sampled_from(["FM1", "FF1", "ä,;"]), min_size=1))):
            times = sorted(draw(st.sets(st.floats(0, 1e4), min_size=1, max_size=5)))
            arousal = np.array([draw(value) for _ in times])
            valence = np.array([draw(st.floats(-1, 1)) for _ in times])
            valence[np.isnan(arousal)] = np.nan
            traces.append(Trace(annotator, np.array(times), arousal, valence))
        split = draw(st.sampled_from(SPLITS)) if with_split else None
        clips.append(RatedClip(Path(f"/data/clips/{name}.mp4"), f"s {name}", split, tuple(traces)))
    return clips


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=30)
@given(clips=rated_clips())
def test_what_is_written_is_read_to_the_last_bit(
    suffix: str, clips: list[RatedClip], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("manifest") / f"labels{suffix}"
    write_manifest(path, clips)
    assert same(read_manifest(path), clips)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_paths_are_relative_to_the_manifest_where_they_can_be(tmp_path: Path, suffix: str) -> None:
    trace = Trace("FM1", np.zeros(1), np.zeros(1), np.zeros(1))
    inside, outside = tmp_path / "sub" / "a.mp4", tmp_path.parent / "b.mp4"
    clips = [RatedClip(p, "s", None, (trace,)) for p in (inside, outside)]
    write_manifest(tmp_path / f"labels{suffix}", clips)
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / f"labels{suffix}").rename(moved / f"labels{suffix}")
    names = {clip_name(c.clip, moved) for c in read_manifest(moved / f"labels{suffix}")}
    assert names == {"sub/a.mp4", outside.as_posix()}


def test_clips_come_in_order_of_their_names_and_know_their_line(tmp_path: Path) -> None:
    clips = read_manifest(
        written(tmp_path, "b.mp4,s2,0,0,0,FM1", GOOD, "b.mp4,s2,0,1,1,FF1", "a.mp4,s1,0.2,0,0,FM1")
    )
    assert [clip.clip.name for clip in clips] == ["a.mp4", "b.mp4"]
    assert [trace.annotator for trace in clips[1].traces] == ["FF1", "FM1"]
    assert clips[0].traces[0].time_s.tolist() == [0.0, 0.2]
    assert clips[0].source == f"{tmp_path / 'labels.csv'}, line 3"


def test_other_columns_spaces_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    text = " skin ,clip , subject,time_s,arousal,valence,annotator\r\n"
    text += "7, a.mp4 ,s1 ,0, 0.5 ,-0.5,F \r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (clip,) = read_manifest(path)
    assert clip.clip == tmp_path / "a.mp4"
    assert clip.subject == "s1"
    assert clip.traces[0].annotator == "F"


def test_both_empty_is_not_rated(tmp_path: Path) -> None:
    (clip,) = read_manifest(written(tmp_path, "a.mp4,s1,0.0,,,FM1", "a.mp4,s1,0.2,0,0,FM1"))
    assert np.isnan(clip.traces[0].valence).tolist() == [True, False]
    (clip,) = read_manifest(parquet(tmp_path, [row(), row(time_s=0.2, arousal=None, valence=None)]))
    assert np.isnan(clip.traces[0].arousal).tolist() == [False, True]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a.mp4,s1,0.2,,0.1,FM1", "one of arousal and valence is empty"),
        ("a.mp4,s1,0.2,0.1,,FM1", "one of arousal and valence is empty"),
        ("a.mp4,s1,0.2,nan,nan,FM1", "'nan', which is not a number"),
        ("a.mp4,s1,0.2,inf,0,FM1", "'inf', which is not a number"),
        ("a.mp4,s1,0.2,high,0,FM1", "'high', which is not a number"),
        ("a.mp4,s1,0.2,1.01,0,FM1", "arousal must lie in"),
        ("a.mp4,s1,0.2,0,-5,FM1", "valence must lie in"),
        ("a.mp4,s1,,0,0,FM1", "time_s must be"),
        ("a.mp4,s1,-0.2,0,0,FM1", "time_s must be"),
        ("a.mp4,s1,0.0,0,0,FM1", "does not increase"),
        ("a.mp4,s2,0.2,0,0,FM1", "subject differs"),
        ("a.mp4,,0.2,0,0,FM1", "subject is empty"),
        (",s1,0.2,0,0,FM1", "clip is empty"),
        ("a.mp4,s1,0.2,0,0,", "annotator is empty"),
        ("a.mp4,s1,0.2,0,0", "5 cells under a header of 6"),
        ("a.mp4,s1,0.2,0,0,FM1,", "7 cells"),
        ("", "0 cells"),
        ('"a.mp4,s1,0.2,0,0,FM1', "not CSV"),
    ],
)
def test_a_malformed_line_names_file_and_line(tmp_path: Path, bad: str, said: str) -> None:
    path = written(tmp_path, GOOD, bad, "b.mp4,s2,0,0,0,FM1")
    with pytest.raises(DataError, match=said) as caught:
        read_manifest(path)
    # An open quote swallows the rest: there the last line is the place.
    assert f"{path}, line {4 if said == 'not CSV' else 3}:" in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"arousal": math.nan}, "nan, which is not a number"),
        ({"time_s": math.inf}, "inf, which is not a number"),
        ({"arousal": None}, "one of arousal and valence"),
        ({"valence": 1.01}, "valence must lie"),
        ({"time_s": None}, "time_s must be"),
        ({"time_s": 0.0}, "does not increase"),
        ({"subject": None}, "subject is empty"),
    ],
)
def test_a_malformed_parquet_row_names_file_and_row(
    tmp_path: Path, bad: dict[str, Any], said: str
) -> None:
    path = parquet(tmp_path, [row(), row(**{"time_s": 0.2, **bad}), row(clip="b.mp4")])
    with pytest.raises(DataError, match=said) as caught:
        read_manifest(path)
    assert f"{path}, row 2:" in str(caught.value)


def test_a_line_counts_though_cells_before_it_hold_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, f'{GOOD},"two\nlines"', "a.mp4,s1,0.2,9,0,FM1,", header=f"{HEADER},x")
    with pytest.raises(DataError, match="line 4: arousal"):
        read_manifest(path)


def test_text_where_numbers_belong_is_refused_in_parquet(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column arousal holds string"):
        read_manifest(parquet(tmp_path, [row(arousal="0.5")]))
    with pytest.raises(DataError, match="column clip holds int64"):
        read_manifest(parquet(tmp_path, [row(clip=7)]))


def test_dictionary_columns_are_text_too(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row()])
    at = table.schema.get_field_index("clip")
    table = table.set_column(at, "clip", table.column("clip").dictionary_encode())
    pq.write_table(table, tmp_path / "labels.parquet")
    assert read_manifest(tmp_path / "labels.parquet")[0].clip.name == "a.mp4"


@pytest.mark.parametrize("split", ["dev", "TRAIN"])
def test_an_unknown_split_is_refused(tmp_path: Path, split: str) -> None:
    path = written(tmp_path, f"{GOOD},{split}", header=f"{HEADER},split")
    with pytest.raises(DataError, match="line 2: split must be one of train, validation, test"):
        read_manifest(path)


def test_a_split_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, f"{GOOD},test", header=f"{HEADER},split")
    assert read_manifest(path)[0].split == "test"


def test_two_spellings_of_a_clip_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, "./a.mp4,s1,0.2,0,0,FM1")
    with pytest.raises(DataError, match=r"two ways.*line 2.*line 3|two ways.*line 3.*line 2"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("labels.csv", b"", "column clip, subject, annotator, time_s"),
        ("labels.csv", b"clip,subject,time_s,arousal,annotator\n", "column valence is missing"),
        ("labels.csv", (HEADER + ",clip\n").encode(), "named twice"),
        ("labels.csv", (HEADER + "\n").encode(), "holds no rating"),
        ("labels.csv", b"\xff\xfe\x00", "not text in UTF-8"),
        ("labels.parquet", b"PAR1", "labels.parquet"),
        ("labels.xlsx", b"", "neither .csv nor .parquet"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_manifest(tmp_path / name)


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_a_missing_manifest_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=name):
        read_manifest(tmp_path / name)


def test_a_manifest_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    before = path.read_bytes()
    (tmp_path / "labels.csv.tmp").mkdir()  # so that the new one cannot be opened
    trace = Trace("FM1", np.zeros(1), np.zeros(1), np.zeros(1))
    clip = RatedClip(tmp_path / "a.mp4", "s", None, (trace,))
    with pytest.raises(DataError, match=r"labels\.csv cannot be written"):
        write_manifest(path, [clip])
    assert path.read_bytes() == before
    with pytest.raises(DataError, match=r"labels\.csv cannot be written"):
        write_manifest(path / "labels.csv", [clip])
    with pytest.raises(DataError, match="no clip"):
        write_manifest(path, [])
    with pytest.raises(DataError, match="neither"):
        write_manifest(tmp_path / "labels.txt", [clip])
