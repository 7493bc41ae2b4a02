from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_training.numerals import counted, decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "0.000"), (-0.0004, "0.000"), (-0.0006, "-0.001"), (0.25, "0.250"), (-1.0, "-1.000")],
)
def test_what_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert decimals(value) == text


@given(st.floats(-1000, 1000), st.integers(1, 6))
def test_all_else_is_as_python_writes_it(value: float, places: int) -> None:
    plain = f"{value:.{places}f}"
    assert decimals(value, places) == (plain.lstrip("-") if float(plain) == 0 else plain)


def test_one_is_singular() -> None:
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
