from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affect_training.ratings.types import RatedClip, Trace

NAN = float("nan")


def trace(
    time_s: list[float], arousal: list[float], valence: list[float], annotator: str = "FM1"
) -> Trace:
    return Trace(annotator, *(np.array(v, dtype=np.float64) for v in (time_s, arousal, valence)))


@pytest.mark.parametrize(
    ("time_s", "arousal", "valence"),
    [
        ([], [], []),
        ([0.0, 0.0], [0, 0], [0, 0]),
        ([0.2, 0.1], [0, 0], [0, 0]),
        ([-0.1, 0.0], [0, 0], [0, 0]),
        ([0.0, NAN], [0, 0], [0, 0]),
        ([0.0, float("inf")], [0, 0], [0, 0]),
        ([0.0], [1.001], [0]),
        ([0.0], [0], [-1.001]),
        ([0.0], [NAN], [0]),
        ([0.0], [0], [NAN]),
        ([0.0], [float("inf")], [0]),
        ([0.0, 0.1], [0], [0]),
    ],
)
def test_a_trace_that_cannot_be_is_refused(
    time_s: list[float], arousal: list[float], valence: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        trace(time_s, arousal, valence)


def test_both_missing_is_not_rated() -> None:
    assert np.isnan(trace([0.0, 0.1], [NAN, 1], [NAN, -1]).arousal[0])


def test_a_trace_has_an_annotator_and_float64() -> None:
    with pytest.raises(ValueError, match="name"):
        trace([0.0], [0], [0], annotator="")
    with pytest.raises(ValueError, match="float32"):
        Trace("FM1", np.zeros(1), np.zeros(1, np.float32), np.zeros(1))


def test_a_clip_needs_an_absolute_path_a_subject_and_one_trace_for_each_annotator() -> None:
    one, other = trace([0.0], [0], [0]), trace([0.0], [0], [0], "FM2")
    assert RatedClip(Path("/a.mp4"), "s", None, (one, other)).split is None
    for clip, subject, split, traces in [
        (Path("a.mp4"), "s", None, (one,)),
        (Path("/a.mp4"), "", None, (one,)),
        (Path("/a.mp4"), "s", "dev", (one,)),
        (Path("/a.mp4"), "s", None, ()),
        (Path("/a.mp4"), "s", None, (one, one)),
    ]:
        with pytest.raises(ValueError, match=r"."):
            RatedClip(clip, subject, split, traces)  # type: ignore[arg-type]
