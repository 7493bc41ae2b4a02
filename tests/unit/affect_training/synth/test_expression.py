from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_training.synth.expression import (
    MAX_UNIT,
    RESTING_VALENCE,
    UNITS,
    ExpressionStyle,
    FloatArray,
    columns,
    face_units,
    valence_label,
)

levels = st.floats(-1, 1)
seeds = st.integers(0, 2**32 - 1)


def units_at(arousal: float, valence: float, style: ExpressionStyle | None = None) -> FloatArray:
    style = style or ExpressionStyle.plain()
    return np.asarray(face_units(np.array([arousal]), np.array([valence]), style)[0])


def amount(units: FloatArray, name: str) -> float:
    return float(units[columns(name)].mean())


def test_units_are_arkits_52_each_once() -> None:
    assert len(UNITS) == len(set(UNITS)) == 52


@given(seeds)
def test_a_neutral_face_moves_nothing(seed: int) -> None:
    style = ExpressionStyle.random(np.random.default_rng(seed))
    assert not units_at(0.0, 0.0, style).any()


@given(levels, levels, seeds)
def test_units_stay_in_range(arousal: float, valence: float, seed: int) -> None:
    units = units_at(arousal, valence, ExpressionStyle.random(np.random.default_rng(seed)))
    assert units.shape == (52,)
    assert (units >= 0).all()
    assert (units <= MAX_UNIT).all()


@given(levels, levels)
def test_a_plain_style_is_the_same_on_both_sides(arousal: float, valence: float) -> None:
    units = dict(zip(UNITS, units_at(arousal, valence), strict=True))
    for name, value in units.items():
        if name.endswith("Left"):
            assert value == units[name.removesuffix("Left") + "Right"]


@given(levels, levels, levels)
def test_more_valence_is_more_smile_and_less_frown(
    arousal: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    sadder, happier = units_at(arousal, low), units_at(arousal, high)
    assert amount(happier, "mouthSmile") >= amount(sadder, "mouthSmile")
    for name in ("mouthFrown", "browDown", "mouthShrugLower"):
        assert amount(happier, name) <= amount(sadder, name)


@given(levels, levels, levels)
def test_more_arousal_opens_the_eyes(valence: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    calmer, livelier = units_at(low, valence), units_at(high, valence)
    assert amount(livelier, "eyeWide") >= amount(calmer, "eyeWide")
    assert amount(livelier, "eyeBlink") <= amount(calmer, "eyeBlink")


def test_the_published_coefficients() -> None:
    """From the tables in docs/synthetic-faces.md, by hand."""
    style = ExpressionStyle(gain=np.ones(52), fear=0.25, jaw=0.5)
    smiling = units_at(0.5, 0.8, style)
    assert amount(smiling, "mouthSmile") == pytest.approx(1.3 * 0.8 * (0.7 + 0.3 * 0.5))
    assert amount(smiling, "cheekSquint") == pytest.approx(0.9 * 0.8 * 0.75)
    assert amount(smiling, "jawOpen") == pytest.approx(0.55 * 0.5 * (1 - 0.4 * 0.8) * 0.5)
    angry = units_at(0.6, -0.9, style)
    assert amount(angry, "noseSneer") == pytest.approx(0.9 * 0.6 * 0.75)
    assert amount(angry, "mouthStretch") == pytest.approx(0.9 * 0.6 * 0.25)
    assert amount(angry, "mouthFrown") == pytest.approx(1.4 * 0.9 * (1 - 0.4 * 0.6))
    tired = units_at(-0.8, 0.0, style)
    assert amount(tired, "eyeBlink") == pytest.approx(0.45 * 0.8)


def test_gain_scales_one_unit() -> None:
    gain = np.ones(52)
    gain[columns("mouthSmile")] = 0.5
    halved = units_at(0.2, 0.7, ExpressionStyle(gain=gain, fear=0.5, jaw=0.65))
    plain = units_at(0.2, 0.7)
    assert amount(halved, "mouthSmile") == pytest.approx(amount(plain, "mouthSmile") / 2)
    assert amount(halved, "cheekSquint") == amount(plain, "cheekSquint")


@pytest.mark.parametrize(("arousal", "valence"), [(1.2, 0.0), (0.0, -1.01), (np.nan, 0.0)])
def test_values_outside_the_square_are_refused(arousal: float, valence: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        units_at(arousal, valence)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        face_units(np.zeros(3), np.zeros(2), ExpressionStyle.plain())


def test_a_resting_face_is_labelled_zero_and_extremes_stay() -> None:
    labels = valence_label(np.array([-1.0, RESTING_VALENCE, 1.0]))
    np.testing.assert_array_equal(labels, [-1.0, 0.0, 1.0])


@given(st.lists(levels, min_size=2, max_size=50))
def test_labels_stay_in_range_and_in_order(shown: list[float]) -> None:
    ordered = np.sort(np.array(shown))
    labels = valence_label(ordered)
    assert (np.abs(labels) <= 1).all()
    assert (np.diff(labels) >= 0).all()


def test_a_resting_face_frowns_and_does_not_smile() -> None:
    resting = units_at(0.0, RESTING_VALENCE)
    assert 0.2 < amount(resting, "mouthFrown") < 0.6
    assert amount(resting, "mouthSmile") == 0
