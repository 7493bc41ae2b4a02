"""How long a file says it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_core.container import (
    _matroska_duration,
    declared_duration,
    open_container,
    video_stream,
)
from clips import portrait_pan, remux


@given(st.text())
def test_a_duration_s_tag_may_hold_anything(tag: str) -> None:
    found = _matroska_duration(tag)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("01:02:03.5", 3723.5),
        ("9" * 400 + ":00:00", None),
        ("00:00:00:00", None),
        ("", None),
    ],
)
def test_a_matroska_tag_is_hours_minutes_and_seconds(tag: str, seconds: float | None) -> None:
    assert _matroska_duration(tag) == seconds


def test_an_endless_file_has_no_duration() -> None:
    data = remux(portrait_pan(), container="matroska")
    tag = b"00:00:02.000000000"
    assert tag in data
    endless = data.replace(tag, b"00:00:         inf")
    with open_container(endless) as container:
        assert declared_duration(container, video_stream(container)) is None
