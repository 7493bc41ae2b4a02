from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from affect_client import AffectResult, Trace, TrackError
from spoken import face, frame, prediction


def result(*frames: dict[str, object]) -> AffectResult:
    return AffectResult.model_validate(prediction(*frames))


TWO = result(
    frame(0, face(0, 0.1, -0.1), face(1, 0.2, -0.2)),
    frame(1),
    frame(2, face(1, 0.4, -0.4)),
)
affect = st.floats(-1, 1)
visible = st.lists(st.dictionaries(st.integers(0, 3), st.tuples(affect, affect)), max_size=12)


def test_a_trace_has_a_nan_where_there_is_no_face() -> None:
    trace = result().trace()
    assert trace.time_s == (0.0, 0.2, 0.4)
    assert trace.arousal[::2] == (0.12, 0.5)
    assert trace.valence[::2] == (-0.3, -0.3)
    assert math.isnan(trace.arousal[1])
    assert math.isnan(trace.valence[1])
    assert trace.track is None


def test_of_several_faces_at_once_one_must_be_named() -> None:
    with pytest.raises(TrackError, match=r"\[0, 1\]"):
        TWO.trace()
    assert TWO.trace(1).arousal[::2] == (0.2, 0.4)
    assert math.isnan(TWO.trace(0).arousal[2])
    assert list(TWO.traces()) == [0, 1]


def test_a_track_that_is_not_there_is_named() -> None:
    with pytest.raises(TrackError, match=r"no track 7; there are \[0, 1\]"):
        TWO.trace(7)


@given(shown=visible)
def test_a_trace_and_the_table_hold_each_face_once_and_no_other(
    shown: list[dict[int, tuple[float, float]]],
) -> None:
    frames = [
        frame(k, *(face(track, a, v) for track, (a, v) in faces.items()))
        for k, faces in enumerate(shown)
    ]
    answer = AffectResult.model_validate({**prediction(), **prediction(*frames, frame(99))})
    for track, trace in answer.traces().items():
        assert len(trace) == len(answer.frames)
        for k, faces in enumerate(shown):
            expected = faces.get(track, (math.nan, math.nan))
            assert (trace.arousal[k], trace.valence[k]) == pytest.approx(expected, nan_ok=True)
    rows = list(answer.rows())
    faced = [row for row in rows if row.track is not None]
    assert [(row.index, row.track, row.arousal, row.valence) for row in faced] == [
        (k, track, a, v) for k, faces in enumerate(shown) for track, (a, v) in faces.items()
    ]
    empty = [row.index for row in rows if row.track is None]
    assert empty == [k for k, faces in enumerate(shown) if not faces] + [99]


def test_a_trace_as_an_array() -> None:
    time_s, arousal, valence = result().trace().to_numpy()
    assert time_s.dtype == np.float64
    np.testing.assert_array_equal(time_s, [0.0, 0.2, 0.4])
    np.testing.assert_array_equal(arousal, [0.12, np.nan, 0.5])
    np.testing.assert_array_equal(valence, [-0.3, np.nan, -0.3])


def test_columns_of_a_trace_have_one_length() -> None:
    with pytest.raises(ValueError, match="1, 1 and 0"):
        Trace((0.0,), (0.0,), ())


def test_the_table_in_pandas() -> None:
    table = TWO.to_pandas()
    assert list(table["index"]) == [0, 0, 1, 2]
    assert list(table["track"].isna()) == [False, False, True, False]
    assert table["track"].dtype == "Int64"
    assert table["arousal"].dtype == np.float64
    assert np.isnan(table["arousal"][2])
    assert table["x"][1] == 121
    assert table.attrs["affectline"]["model"]["trained_on"] == "nothing, for tests"
    assert list(result(frame(0)).to_pandas()["arousal"].isna()) == [True]


def test_the_table_as_csv(tmp_path: Path) -> None:
    TWO.to_csv(tmp_path / "a.csv")
    buffer = io.StringIO()
    TWO.to_csv(buffer)
    assert (tmp_path / "a.csv").read_text() == buffer.getvalue()
    rows = list(csv.DictReader(io.StringIO(buffer.getvalue())))
    assert [row["track"] for row in rows] == ["0", "1", "", "1"]
    assert rows[2]["arousal"] == ""
    assert float(rows[3]["valence"]) == -0.4
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "a.csv"), TWO.to_pandas(), check_dtype=False
    )


def test_the_table_as_parquet(tmp_path: Path) -> None:
    TWO.to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["track"].to_pylist() == [0, 1, None, 1]
    assert table["arousal"].to_pylist() == [0.1, 0.2, None, 0.4]
    origin = json.loads(table.schema.metadata[b"affectline"])
    assert origin["sample_fps"] == 5.0
    assert origin["clip"]["codec"] == "h264"


def test_the_answer_as_json(tmp_path: Path) -> None:
    TWO.to_json(tmp_path / "a.json")
    buffer = io.StringIO()
    TWO.to_json(buffer)
    text = (tmp_path / "a.json").read_text()
    assert text == buffer.getvalue()
    assert AffectResult.model_validate_json(text) == TWO


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("numpy", lambda: TWO.trace(0).to_numpy()),
        ("pandas", TWO.to_pandas),
        ("pyarrow", lambda: TWO.to_parquet("never.parquet")),
    ],
)
def test_without_a_library_the_error_says_what_to_install(
    module: str, use: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"needs {module}: pip install 'affectline\[data\]'"):
        use()  # type: ignore[operator]


def test_what_is_shown_of_an_answer_is_short_and_says_what_it_rests_on() -> None:
    long = result(*(frame(k, face()) for k in range(6000)))
    for text in (repr(long), str(long)):
        assert len(text) < 400
        assert "frames=6000" in text
        assert "trained_on='nothing, for tests'" in text
    assert repr(TWO.trace(1)) == "Trace(track=1, 3 samples, 0 to 0.4 s, 2 with a face)"
    assert repr(Trace((), (), ())) == "Trace(0 samples, 0 with a face)"


def test_an_answer_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TWO.sample_fps = 3.0
