"""Bins of outputs, and the reference that an archive carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from affect_core.drift import (
    BINS,
    OUTPUTS,
    REFERENCE_FILE,
    Output,
    OutputReference,
    bin_of,
    read_reference,
)
from affect_core.errors import SpecError

WEIGHTS = "a" * 64
EVEN: dict[Output, tuple[int, ...]] = dict.fromkeys(OUTPUTS, (1,) * 10)


def reference(counts: dict[Output, tuple[int, ...]] = EVEN) -> OutputReference:
    return OutputReference(weights_sha256=WEIGHTS, source="tests", counts=counts)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_bins_keep_the_order_of_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= bin_of("arousal", low) <= bin_of("arousal", high) < len(BINS)


@pytest.mark.parametrize(
    ("output", "value", "place"),
    [("arousal", -1, 0), ("arousal", 0, 5), ("valence", 1, 9), ("score", 0, 0), ("score", 1, 9),
     ("score", 0.55, 5), ("valence", -0.79, 1)],
)  # fmt: skip
def test_a_bin_is_a_tenth_of_the_range(output: Output, value: float, place: int) -> None:
    assert bin_of(output, value) == place


@given(st.lists(st.integers(0, 10**6), min_size=10, max_size=10).filter(any))
def test_shares_add_up_to_one(counts: list[int]) -> None:
    made = reference({**EVEN, "score": tuple(counts)})
    assert sum(made.shares("score")) == pytest.approx(1)


@pytest.mark.parametrize("counts", [(1,) * 9, (0,) * 10, (-1, *(1,) * 9)])
def test_counts_that_cannot_be(counts: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        reference({**EVEN, "score": counts})
    with pytest.raises(ValidationError):
        reference({"score": (1,) * 10})


def test_a_reference_is_its_checkpoint_s(tmp_path: Path) -> None:
    assert read_reference(tmp_path, WEIGHTS) is None
    (tmp_path / REFERENCE_FILE).write_text(reference().model_dump_json())
    assert read_reference(tmp_path, WEIGHTS) == reference()
    with pytest.raises(SpecError, match="other weights"):
        read_reference(tmp_path, "b" * 64)
    (tmp_path / REFERENCE_FILE).write_text("{}")
    with pytest.raises(SpecError, match="damaged"):
        read_reference(tmp_path, WEIGHTS)
