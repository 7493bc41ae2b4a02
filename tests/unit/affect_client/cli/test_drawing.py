from __future__ import annotations

import math
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_client.cli.drawing import ASCII, UNICODE, Glyphs, Scale, bar, columns, sparkline

VALUES = st.lists(st.one_of(st.just(math.nan), st.floats(-1, 1)), max_size=400)


@given(VALUES, st.integers(1, 120))
def test_columns_never_come_from_nothing(values: list[float], width: int) -> None:
    shown = columns(values, width)
    assert len(shown) == (width if values else 0)
    seen = [value for value in values if not math.isnan(value)]
    for value in shown:
        assert math.isnan(value) or min(seen) - 1e-12 <= value <= max(seen) + 1e-12
    if len(values) <= width:
        # Every sample has a column, in order, and nothing else has one.
        assert [k for k, _ in groupby(map(repr, shown))] == [
            k for k, _ in groupby(map(repr, values))
        ]
        assert list(map(repr, columns(values, width, stretch=False))) == list(map(repr, values))


@given(VALUES, st.integers(1, 4), st.sampled_from([UNICODE, ASCII]))
def test_gaps_are_gaps_and_values_are_not(values: list[float], lines: int, glyphs: Glyphs) -> None:
    drawn = sparkline(values, Scale.of(values), glyphs, lines=lines)
    assert [len(line) for line in drawn] == [len(values)] * lines
    for value, mark in zip(values, drawn[-1], strict=True):
        assert (mark == glyphs.gap) == math.isnan(value)


def test_a_gap_in_the_middle_is_not_bridged() -> None:
    values = [-1.0, -1.0, math.nan, math.nan, 1.0, 1.0]
    assert sparkline(values, Scale(-1, 1)) == ["▁▁··██"]
    assert sparkline(values, Scale(-1, 1), ASCII) == ["__  @@"]
    assert sparkline(values, Scale(-1, 1), lines=2) == ["    ██", "▁▁··██"]


def test_heights_rise_with_values() -> None:
    steps = [k / 8 for k in range(1, 9)]
    assert sparkline(steps, Scale(0, 1)) == ["▁▂▃▄▅▆▇█"]
    assert sparkline([k / 16 for k in range(1, 17)], Scale(0, 1), lines=2) == [
        "        ▁▂▃▄▅▆▇█",
        "▁▂▃▄▅▆▇█████████",
    ]


@given(VALUES)
def test_a_scale_holds_all_values_and_is_never_narrow(values: list[float]) -> None:
    scale = Scale.of(values)
    assert -1 - 1e-9 <= scale.low < scale.high <= 1 + 1e-9
    assert scale.high - scale.low >= 0.2 - 1e-9
    assert all(math.isnan(v) or scale.low - 1e-9 <= v <= scale.high + 1e-9 for v in values)


@pytest.mark.parametrize(
    ("value", "drawn"),
    [(0, "··│··"), (1, "··│██"), (-1, "██│··"), (0.4, "··│█·"), (-0.5, "·█│··"), (-0.1, "··│··")],
)
def test_a_bar_begins_in_the_middle(value: float, drawn: str) -> None:
    assert bar(value, 2) == drawn
