from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from affect_core import engines
from affect_core.engine_plan import CpuPrecision, EnginePlan
from affect_core.engines import DeviceChoice, Engine, TorchEngine, build_engine
from affect_core.errors import SpecError
from affect_core.model import AffectModel
from affect_core.openvino_engine import OpenVINOEngine, native_precisions
from affect_core.quantise import Quantised, Range, observe
from affect_core.spec import ModelSpec
from models import lively_model, precision_check

Features = NDArray[np.float32]
DIGEST = "0" * 64
CROPS = np.random.default_rng(5).integers(0, 256, (9, 32, 32, 3), np.uint8)


def plan(*allowed: CpuPrecision, cpu: CpuPrecision = "float32") -> EnginePlan:
    checks = tuple(precision_check(precision) for precision in allowed)
    ranges = ((0.0, 1.0),) if "int8" in allowed else None
    return EnginePlan(weights_sha256=DIGEST, cpu=cpu, checks=checks, int8_ranges=ranges)


@pytest.fixture(scope="module")
def reference(tiny_spec: ModelSpec) -> Features:
    engine = TorchEngine(lively_model(tiny_spec), DeviceChoice.of(None))
    return np.asarray(engine(CROPS))


@pytest.fixture(scope="module", params=["float32", "bfloat16", "int8"])
def openvino(request: pytest.FixtureRequest, tiny_model: AffectModel) -> OpenVINOEngine:
    precision: CpuPrecision = request.param
    batch = torch.from_numpy(CROPS)
    ranges = observe(tiny_model.features, [batch]) if precision == "int8" else None
    return OpenVINOEngine(tiny_model, precision, ranges, 2)


def relative_error(got: Features, expected: Features) -> float:
    return float(np.abs(got - expected).mean() / np.abs(expected).mean())


def test_float32_is_torchs(tiny_model: AffectModel, reference: Features) -> None:
    got = np.asarray(OpenVINOEngine(tiny_model, "float32", None, 2)(CROPS))
    assert got.dtype == np.float32
    assert got.shape == (9, 128, 1, 1)
    assert relative_error(got, reference) < 1e-5


def test_bfloat16_is_near(tiny_model: AffectModel, reference: Features) -> None:
    got = np.asarray(OpenVINOEngine(tiny_model, "bfloat16", None, 2)(CROPS))
    assert relative_error(got, reference) < 0.03


def test_int8_computes_what_rounding_in_torch_gives(tiny_model: AffectModel) -> None:
    ranges = observe(tiny_model.features, [torch.from_numpy(CROPS)])
    with torch.inference_mode(), Quantised(ranges):
        features = tiny_model.features(torch.from_numpy(CROPS))
    with torch.inference_mode():
        expected = np.asarray(tiny_model.temporal.project(features))
    got = np.asarray(OpenVINOEngine(tiny_model, "int8", ranges, 2)(CROPS))
    # Where a sum lies between two levels, one rounds up and the other down.
    assert relative_error(got, expected) < 0.05


def test_what_int8_leaves_out_is_not_rounded(tiny_model: AffectModel, reference: Features) -> None:
    ranges = observe(tiny_model.features, [torch.from_numpy(CROPS)])
    errors = []
    for left_out in (0, 8, 16):
        some: list[Range | None] = [None] * left_out + list(ranges[left_out:])
        got = np.asarray(OpenVINOEngine(tiny_model, "int8", some, 2)(CROPS))
        errors.append(relative_error(got, reference))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.03  # bf16's


def test_int8_is_computed_in_integers(tiny_model: AffectModel) -> None:
    """Where a scale of the graph is no constant, OpenVINO rounds and computes in floats."""
    ranges = observe(tiny_model.features, [torch.from_numpy(CROPS)])
    request = OpenVINOEngine(tiny_model, "int8", ranges, 2)._request
    nodes = request.get_compiled_model().get_runtime_model().get_ops()
    about = [node.get_rt_info() for node in nodes]
    computed_in = Counter(
        str(info["runtimePrecision"].value)
        for info in about
        if info["layerType"].value == "Convolution"
    )
    assert computed_in["u8"] == 16  # all but the temporal model's


@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 8)))
def test_a_crops_features_do_not_depend_on_its_batch(
    openvino: OpenVINOEngine, cuts: set[int]
) -> None:
    whole = np.asarray(openvino(CROPS))
    pieces = [np.asarray(openvino(piece)) for piece in np.split(CROPS, sorted(cuts))]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_features_do_not_depend_on_the_number_of_threads(tiny_model: AffectModel) -> None:
    one, three = (OpenVINOEngine(tiny_model, "bfloat16", None, threads) for threads in (1, 3))
    assert torch.equal(one(CROPS), three(CROPS))


def test_an_answer_is_not_written_over_by_the_next(openvino: OpenVINOEngine) -> None:
    first = openvino(CROPS[:1])
    kept = first.clone()
    openvino(CROPS[1:2])
    assert torch.equal(first, kept)


def test_the_plan_decides_and_the_operator_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engines, "native_precisions", lambda: frozenset({"float32", "bfloat16", "int8"})
    )
    planned = plan("bfloat16", "int8", cpu="bfloat16")
    cpu = torch.device("cpu")
    assert DeviceChoice.for_serving(None, planned) == DeviceChoice(cpu, "bfloat16", "openvino")
    assert DeviceChoice.for_serving(None, planned, "int8").precision == "int8"
    assert DeviceChoice.for_serving(None, planned, "float32").precision == "float32"
    with pytest.raises(SpecError, match="--precision int8"):
        DeviceChoice.for_serving(None, plan("bfloat16"), "int8")


def test_what_the_cpu_cannot_is_float32_or_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engines, "native_precisions", lambda: frozenset({"float32"}))
    planned = plan("bfloat16", cpu="bfloat16")
    with caplog.at_level(logging.WARNING):
        assert DeviceChoice.for_serving(None, planned).precision == "float32"
    assert "float32 instead of bfloat16" in caplog.text
    with pytest.raises(SpecError, match="no instructions for bfloat16"):
        DeviceChoice.for_serving(None, planned, "bfloat16")


def test_the_choice_is_what_is_built(tiny_spec: ModelSpec) -> None:
    built: list[Engine] = [
        build_engine(lively_model(tiny_spec), choice, plan())
        for choice in (
            DeviceChoice.of(None),
            DeviceChoice(torch.device("cpu"), "float32", "openvino"),
        )
    ]
    assert [type(engine) for engine in built] == [TorchEngine, OpenVINOEngine]


def test_float32_is_among_what_every_cpu_can() -> None:
    assert "float32" in native_precisions()


def test_a_signal_after_an_engine_has_gone_is_handled() -> None:
    """OpenVINO lends the process a stack for signals, and takes it away with the last engine."""
    program = """
import gc, signal
import torch
from affect_core.model import build_model
from affect_core.openvino_engine import OpenVINOEngine, native_precisions
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance
native_precisions()
spec = ModelSpec(preprocess=PreprocessSpec(crop_size=32), provenance=Provenance(trained_on="no"))
model = build_model(spec).eval()
engines = [OpenVINOEngine(model, "float32", None, 2) for _ in range(3)]
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
while engines:
    del engines[0]
    gc.collect()
    signal.raise_signal(signal.SIGUSR1)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, check=True, text=True
    )
    assert done.stdout.split() == ["handled"] * 3


def test_nothing_is_reported_to_openvinos_makers(tmp_path: Path) -> None:
    """Its own converter sends how it is used, and keeps an id for it in the home folder."""
    program = """
import torch
from affect_core.model import build_model
from affect_core.openvino_engine import OpenVINOEngine
from affect_core.spec import ModelSpec, PreprocessSpec, Provenance
spec = ModelSpec(preprocess=PreprocessSpec(crop_size=32), provenance=Provenance(trained_on="no"))
OpenVINOEngine(build_model(spec).eval(), "float32", None, 2)
"""
    subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"HOME": str(tmp_path)}, check=True
    )
    assert list(tmp_path.iterdir()) == []
