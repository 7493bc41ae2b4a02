from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from affect_core.checkpoint import checkpoint_files, weights_digest
from affect_core.engine_plan import TOLERANCES, CpuPrecision, Precision, PrecisionCheck
from affect_core.model import AffectModel, build_model, seed_parameters
from affect_core.openvino_engine import OpenVINOEngine, native_precisions
from affect_core.quantise import Range, observe, rounding_errors
from affect_core.spec import ModelSpec
from affect_training import calibrate
from affect_training.calibrate import CalibrationCrops, plan_engines, stand_in_crops
from affect_training.errors import TrainingError
from models import precision_check

NEEDED = {"float32", "bfloat16", "int8"}
CROPS = stand_in_crops(32)


@pytest.fixture(scope="module")
def seeded(tiny_spec: ModelSpec) -> AffectModel:
    """As `affect-train untrained` makes it: its outputs hardly differ."""
    model = build_model(tiny_spec)
    seed_parameters(model, 1)
    return model.eval().requires_grad_(requires_grad=False)


@pytest.fixture(autouse=True)
def _every_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenVINO computes them anywhere, bfloat16 as float32 where the processor has none.
    monkeypatch.setattr(calibrate, "native_precisions", lambda: frozenset(NEEDED))


def test_crops_are_the_same_each_time_and_halves_differ() -> None:
    again = stand_in_crops(32)
    for one, other in zip(
        CROPS.to_find + CROPS.to_compare, again.to_find + again.to_compare, strict=True
    ):
        assert np.array_equal(one, other)
    assert not any(
        np.array_equal(found, compared) for found in CROPS.to_find for compared in CROPS.to_compare
    )
    assert all(piece.shape == (16, 32, 32, 3) for piece in CROPS.to_find)


def test_crops_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        CalibrationCrops(CROPS.to_find, stand_in_crops(64).to_compare, "noise")


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_what_is_close_enough_is_planned(seeded: AffectModel, precision: CpuPrecision) -> None:
    plan = plan_engines(seeded, CROPS, precision)
    assert plan.cpu == precision
    (check,) = plan.checks
    assert check.passed
    assert check.crops == sum(len(piece) for piece in CROPS.to_compare)
    assert check.crops_from == "smooth noise, no faces"
    assert 0 <= check.mean_error <= check.max_error
    assert (check.mean_error > 0) == (precision in native_precisions())
    assert (plan.int8_ranges is not None) == (precision == "int8")


def test_the_plan_is_the_weights(seeded: AffectModel) -> None:
    plan = plan_engines(seeded, CROPS, "float32")
    assert plan.weights_sha256 == weights_digest(seeded)
    assert not plan.checks


def test_the_digest_is_the_checkpoints(tiny_model: AffectModel, tiny_spec: ModelSpec) -> None:
    files = checkpoint_files(tiny_model, tiny_spec)
    assert weights_digest(tiny_model) in files["spec.json"].decode()


def test_trying_changes_no_weight(seeded: AffectModel) -> None:
    before = {name: value.clone() for name, value in seeded.state_dict().items()}
    plan_engines(seeded, CROPS, "int8")
    assert all(torch.equal(value, before[name]) for name, value in seeded.state_dict().items())


def test_what_is_too_far_is_refused_with_its_numbers(
    tiny_model: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERANCES, "int8", 1e-5)
    with pytest.raises(TrainingError, match=r"In int8 .* 0\.\d+ on average \(at most 1e-05"):
        plan_engines(tiny_model, CROPS, "int8")


def test_int8_leaves_out_no_more_than_it_must_and_the_worst_first(
    tiny_model: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left_out(ranges: Sequence[Range | None] | None) -> set[int]:
        return {place for place, span in enumerate(ranges or ()) if span is None}

    class Engine(OpenVINOEngine):
        """Remembers what it was built with."""

        def __init__(
            self,
            model: AffectModel,
            precision: Precision,
            ranges: Sequence[Range | None] | None,
            threads: int,
        ) -> None:
            super().__init__(model, precision, ranges, threads)
            self.left_out = left_out(ranges)

    tried: list[set[int]] = []

    def check(_: object, engine: Engine, precision: CpuPrecision) -> PrecisionCheck:
        tried.append(engine.left_out)
        return precision_check(precision, mean_error=0.5 if len(engine.left_out) < 4 else 0.01)

    monkeypatch.setattr(calibrate, "OpenVINOEngine", Engine)
    monkeypatch.setattr("affect_training.calibrate._Comparison.with_", check)
    plan = plan_engines(tiny_model, CROPS, "int8")
    batches = [torch.from_numpy(piece[:8]) for piece in CROPS.to_find]
    whole = [
        torch.from_numpy(piece[start : start + 8]) for piece in CROPS.to_find for start in (0, 8)
    ]
    errors = rounding_errors(tiny_model.features, batches[0], observe(tiny_model.features, whole))
    worst = sorted(range(16), key=lambda place: -errors[place])
    assert tried == [set(), set(worst[:2]), set(worst[:4])]
    assert left_out(plan.int8_ranges) == set(worst[:4])


def test_int8_gives_up_when_half_of_them_are_left_out(
    tiny_model: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERANCES, "int8", 0.0)
    with pytest.raises(TrainingError, match="In int8 the outputs differ"):
        plan_engines(tiny_model, CROPS, "int8")


def test_left_to_us_what_is_too_far_is_float32_and_the_plan_says_why(
    seeded: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERANCES, "bfloat16", -1.0)
    plan = plan_engines(seeded, CROPS, None)
    assert plan.cpu == "float32"
    assert [check.precision for check in plan.checks] == ["bfloat16"]


def test_what_this_cpu_cannot_compute_is_not_planned(
    seeded: AffectModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "native_precisions", lambda: frozenset({"float32"}))
    assert plan_engines(seeded, CROPS, None).cpu == "float32"
    with pytest.raises(TrainingError, match="no instructions for int8"):
        plan_engines(seeded, CROPS, "int8")


def test_the_names_are_those_the_engine_gives() -> None:
    assert native_precisions() <= NEEDED
