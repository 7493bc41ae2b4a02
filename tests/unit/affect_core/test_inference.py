from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core.engines import DeviceChoice
from affect_core.inference import infer
from affect_core.runtime import Runtime
from affect_core.session import TrackMemory
from affect_core.types import FaceCrop
from named_tracks import NamedTracks

Values = list[tuple[float, float]]

TRACKS = ("ann", "bob", "cyd")
LONGEST = 4


@pytest.fixture(scope="session")
def crops(crop_of: Callable[[NDArray[np.uint8]], FaceCrop]) -> dict[str, list[FaceCrop]]:
    random = np.random.default_rng(11)
    return {
        track: [
            crop_of(random.integers(0, 256, (32, 32, 3), np.uint8) // (1 + row))
            for _ in range(LONGEST)
        ]
        for row, track in enumerate(TRACKS)
    }


@pytest.fixture(scope="session")
def alone(tiny_runtime: Runtime, crops: dict[str, list[FaceCrop]]) -> dict[str, Values]:
    """Each track's numbers, one crop a call, in an inference of its own."""
    answers = {}
    for track, own in crops.items():
        inference = NamedTracks(tiny_runtime)
        answers[track] = [inference.advance([track], [0.0], [crop]).values[0] for crop in own]
    return answers


@st.composite
def schedules(draw: st.DrawFn) -> list[list[str]]:
    """Calls with the tracks they advance: any lengths, interleaving and cuts."""
    lengths = draw(st.lists(st.integers(0, LONGEST), min_size=3, max_size=3).filter(any))
    order = draw(
        st.permutations([t for t, n in zip(TRACKS, lengths, strict=True) for _ in range(n)])
    )
    cuts = sorted(draw(st.sets(st.integers(1, len(order)))) | {len(order)})
    return [list(order[a:b]) for a, b in zip([0, *cuts], cuts, strict=False)]


@settings(max_examples=15, deadline=None)
@given(calls=schedules())
def test_a_track_s_numbers_do_not_depend_on_company_order_or_cuts(
    calls: list[list[str]],
    tiny_runtime: Runtime,
    crops: dict[str, list[FaceCrop]],
    alone: dict[str, Values],
) -> None:
    inference = NamedTracks(tiny_runtime)
    upcoming = {track: iter(own) for track, own in crops.items()}
    got: dict[str, Values] = {track: [] for track in TRACKS}
    for call in calls:
        inferred = inference.advance(
            call, [0.0] * len(call), [next(upcoming[track]) for track in call]
        )
        assert len(inferred.values) == len(call)
        for track, values in zip(call, inferred.values, strict=True):
            got[track].append(values)
    for track, numbers in got.items():
        expected = np.reshape(alone[track][: len(numbers)], (-1, 2))
        np.testing.assert_allclose(np.reshape(numbers, (-1, 2)), expected, rtol=0, atol=1e-5)


def test_the_past_and_the_crop_both_count(
    tiny_runtime: Runtime, crops: dict[str, list[FaceCrop]], alone: dict[str, Values]
) -> None:
    # A hundred times the tolerance beside this test, which would hold for a model that gives
    # the same numbers for everything.
    inference = NamedTracks(tiny_runtime)
    once, again = inference.advance(["ann", "ann"], [0.0, 0.2], [crops["ann"][0]] * 2).values
    assert np.abs(np.subtract(once, again)).max() > 1e-3
    assert np.abs(np.subtract(alone["ann"][0], alone["bob"][0])).max() > 1e-3


def test_a_track_that_is_forgotten_starts_anew_and_the_others_go_on(
    tiny_runtime: Runtime, crops: dict[str, list[FaceCrop]], alone: dict[str, Values]
) -> None:
    inference = NamedTracks(tiny_runtime)
    inference.advance(["ann", "bob"], [0.0, 0.0], [crops["ann"][0], crops["bob"][0]])
    inference.forget("ann")
    values = inference.advance(
        ["ann", "bob"], [0.0, 0.0], [crops["ann"][0], crops["bob"][1]]
    ).values
    np.testing.assert_allclose(values, [alone["ann"][0], alone["bob"][1]], rtol=0, atol=1e-5)


def test_no_crops_give_no_values(tiny_runtime: Runtime) -> None:
    inference = NamedTracks(tiny_runtime)
    assert inference.advance([], [], []).values == []


def test_every_crop_needs_a_memory_and_a_time(
    tiny_runtime: Runtime, crops: dict[str, list[FaceCrop]]
) -> None:
    with pytest.raises(ValueError, match="1 memories, 2 times, 2 crops"):
        infer(tiny_runtime, [TrackMemory()], [0.0, 0.2], crops["ann"][:2])


def test_numbers_lie_in_the_plane_and_the_time_is_told(
    tiny_runtime: Runtime, crops: dict[str, list[FaceCrop]]
) -> None:
    inference = NamedTracks(tiny_runtime)
    inferred = inference.advance(["ann"] * LONGEST, [0.0] * LONGEST, crops["ann"])
    assert np.abs(inferred.values).max() <= 1
    assert inferred.backbone_s > 0
    assert inferred.temporal_s > 0


def test_without_a_gpu_the_model_runs_on_the_cpu_in_float32() -> None:
    choice = DeviceChoice.of(None)
    assert (choice.device, choice.precision) == (torch.device("cpu"), "float32")
