"""The causal low-pass against the RC filter it claims to be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.checkpoint import Checkpoint
from affect_core.engines import DeviceChoice
from affect_core.runtime import Runtime
from affect_core.smoothing import Smoothed, smooth_step, smooth_track
from affect_core.spec import ModelSpec
from affect_core.types import FaceCrop
from models import lively_model
from named_tracks import NamedTracks

Array = NDArray[np.float64]

unit = st.floats(-1, 1)
taus = st.floats(0.01, 10)


@st.composite
def tracks(draw: st.DrawFn) -> tuple[Array, Array]:
    """Times with any gaps, and values (n, 2)."""
    count = draw(st.integers(1, 12))
    gaps = draw(st.lists(st.floats(0.01, 5), min_size=count, max_size=count))
    values = draw(st.lists(st.tuples(unit, unit), min_size=count, max_size=count))
    return np.cumsum(gaps), np.array(values)


def closed_form(time_s: Array, values: Array, tau_s: float) -> Array:
    """The response of an RC filter to a held input as one sum over the whole past.

    y(t_n) = x_0 e^(-(t_n - t_0) / tau)
             + sum_k x_k (e^(-(t_n - t_k) / tau) - e^(-(t_n - t_(k-1)) / tau)),
    where the input is x_k between t_(k-1) and t_k.
    """
    rows = []
    for n, now in enumerate(time_s):
        row = values[0] * math.exp(-(now - time_s[0]) / tau_s)
        for k in range(1, n + 1):
            after = math.exp(-(now - time_s[k]) / tau_s)
            row = row + values[k] * (after - math.exp(-(now - time_s[k - 1]) / tau_s))
        rows.append(row)
    return np.stack(rows)


@given(track=tracks(), tau_s=taus)
def test_it_is_the_exact_exponential_response(track: tuple[Array, Array], tau_s: float) -> None:
    np.testing.assert_allclose(
        smooth_track(*track, tau_s), closed_form(*track, tau_s), rtol=0, atol=1e-12
    )


def test_a_step_reaches_one_minus_one_over_e_after_tau() -> None:
    filtered = smooth_track(np.array([0.0, 2.0]), np.array([[0.0, -1.0], [1.0, 1.0]]), 2.0)
    assert filtered[0].tolist() == [0.0, -1.0]
    np.testing.assert_allclose(filtered[1], [1 - math.exp(-1), 1 - 2 * math.exp(-1)], rtol=1e-15)


@given(track=tracks())
def test_a_time_constant_of_zero_changes_nothing(track: tuple[Array, Array]) -> None:
    assert np.array_equal(smooth_track(*track, 0.0), track[1])


@given(track=tracks(), tau_s=taus, others=st.tuples(unit, unit), data=st.data())
def test_it_looks_back_only(
    track: tuple[Array, Array], tau_s: float, others: tuple[float, float], data: st.DataObject
) -> None:
    time_s, values = track
    place = data.draw(st.integers(1, len(time_s)))
    changed = values.copy()
    changed[place:] = others
    expected = smooth_track(time_s, values, tau_s)[:place]
    assert np.array_equal(smooth_track(time_s, changed, tau_s)[:place], expected)
    assert np.array_equal(smooth_track(time_s[:place], values[:place], tau_s), expected)


@given(track=tracks(), tau_s=taus, data=st.data())
def test_pieces_that_hand_their_state_on_give_the_same(
    track: tuple[Array, Array], tau_s: float, data: st.DataObject
) -> None:
    time_s, values = track
    cut = data.draw(st.integers(0, len(time_s)))
    expected = smooth_track(time_s, values, tau_s)
    state = Smoothed(float(time_s[cut - 1]), tuple(expected[cut - 1])) if cut else None
    for row in range(cut, len(time_s)):
        valence, arousal = values[row]
        state = smooth_step(state, float(time_s[row]), (float(valence), float(arousal)), tau_s)
        assert state == Smoothed(time_s[row], tuple(expected[row]))


@given(track=tracks(), tau_s=taus, shift=st.floats(0, 1e4))
def test_only_differences_of_time_count(
    track: tuple[Array, Array], tau_s: float, shift: float
) -> None:
    time_s, values = track
    np.testing.assert_allclose(
        smooth_track(time_s + shift, values, tau_s),
        smooth_track(time_s, values, tau_s),
        rtol=0,
        atol=1e-8,
    )


@given(track=tracks(), tau_s=taus, value=st.tuples(unit, unit))
def test_a_constant_input_stays_as_it_is(
    track: tuple[Array, Array], tau_s: float, value: tuple[float, float]
) -> None:
    filtered = smooth_track(track[0], np.tile(value, (len(track[0]), 1)), tau_s)
    assert np.array_equal(filtered, np.tile(value, (len(track[0]), 1)))


@given(track=tracks(), tau_s=st.one_of(taus, st.floats(1e-300, 1e-2)))
def test_values_stay_in_the_plane(track: tuple[Array, Array], tau_s: float) -> None:
    # Answers refuse anything beyond 1, by however little.
    assert np.abs(smooth_track(*track, tau_s)).max() <= 1
    assert np.abs(smooth_track(track[0], np.sign(track[1]), tau_s)).max() <= 1


def test_values_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 times"):
        smooth_track(np.array([0.0, 1.0, 2.0]), np.zeros((2, 2)), 1.0)
    with pytest.raises(ValueError, match="3 times"):
        smooth_track(np.array([0.0, 1.0, 2.0]), np.zeros((3, 3)), 1.0)


# In the pipeline's inference.

TAU = 0.3
TIMES = [0.0, 0.2, 0.4, 1.4, 1.6]


@pytest.fixture(scope="module")
def smoothing_runtime(tiny_spec: ModelSpec) -> Runtime:
    spec = tiny_spec.model_copy(update={"output_smoothing_s": TAU})
    return Runtime(Checkpoint(lively_model(spec), spec, "0" * 64), DeviceChoice.of(None))


@pytest.fixture(scope="module")
def crops(crop_of: Callable[[NDArray[np.uint8]], FaceCrop]) -> list[FaceCrop]:
    random = np.random.default_rng(6)
    return [crop_of(random.integers(0, 256, (32, 32, 3), np.uint8) // (n + 1)) for n in range(5)]


def test_inference_filters_what_the_model_says_by_the_samples_times(
    smoothing_runtime: Runtime, tiny_runtime: Runtime, crops: list[FaceCrop]
) -> None:
    plain = NamedTracks(tiny_runtime).advance(["ann"] * 5, TIMES, crops).values
    got = NamedTracks(smoothing_runtime).advance(["ann"] * 5, TIMES, crops).values
    expected = closed_form(np.array(TIMES), np.array(plain), TAU)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert np.abs(np.subtract(got, plain)).max() > 1e-3


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_inference_gives_the_same_over_any_cut_and_in_company(
    smoothing_runtime: Runtime, crops: list[FaceCrop], cut: int
) -> None:
    whole = NamedTracks(smoothing_runtime).advance(["ann"] * 5, TIMES, crops).values
    inference = NamedTracks(smoothing_runtime)
    first = inference.advance(["ann"] * cut, TIMES[:cut], crops[:cut]).values
    rest = 5 - cut
    second = inference.advance(
        ["bob"] * rest + ["ann"] * rest, TIMES[cut:] * 2, crops[:rest] + crops[cut:]
    ).values[rest:]
    np.testing.assert_allclose([*first, *second], whole, rtol=0, atol=1e-5)


def test_a_track_that_is_forgotten_is_filtered_anew(
    smoothing_runtime: Runtime, crops: list[FaceCrop]
) -> None:
    inference = NamedTracks(smoothing_runtime)
    first = inference.advance(["ann"], [0.0], crops[:1]).values
    assert inference.advance(["ann"], [0.2], crops[1:2]).values != first
    inference.forget("ann")
    again = inference.advance(["ann"], [9.0], crops[:1]).values
    np.testing.assert_allclose(again, first, rtol=0, atol=1e-6)
