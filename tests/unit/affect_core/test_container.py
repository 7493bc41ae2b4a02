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


class _OverError(Exception):
    pass


class _Checks:
    """Patience that is over after so many checks."""

    def __init__(self, allowed: int) -> None:
        self.left = allowed

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _OverError


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


@pytest.mark.parametrize("form", ["matroska", "mpegts"])
def test_patience_ends_a_demuxer_at_any_read(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = remux(portrait_pan(), container=form)

    def packets(patience: _Checks) -> int:
        with open_container(data, patience) as container:
            return sum(1 for _ in container.demux(video_stream(container)))

    endless = _Checks(10**9)
    everything = packets(endless)
    reads = 10**9 - endless.left
    assert reads >= 3
    for allowed in range(reads):
        with pytest.raises(_OverError):
            packets(_Checks(allowed))
    assert packets(_Checks(reads)) == everything
    assert capfd.readouterr().err == ""
