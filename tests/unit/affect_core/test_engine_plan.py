from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from affect_core.engine_plan import PLAN_FILE, CpuPrecision, EnginePlan, read_plan
from affect_core.errors import SpecError
from models import precision_check

DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("precision", "mean_error", "ccc", "passed"),
    [
        ("bfloat16", 0.005, 0.99, True),
        ("bfloat16", 0.0051, 1.0, False),
        ("bfloat16", 0.001, 0.989, False),
        ("bfloat16", 0.001, None, True),
        ("int8", 0.02, 0.99, True),
        ("int8", 0.021, None, False),
    ],
)
def test_a_check_passes_within_the_tolerances(
    precision: CpuPrecision, mean_error: float, ccc: float | None, passed: bool
) -> None:
    assert precision_check(precision, mean_error, ccc).passed is passed


def test_only_what_passed_its_check_may_be_served() -> None:
    plan = EnginePlan(weights_sha256=DIGEST, checks=(precision_check("bfloat16"),))
    assert plan.allows("float32")
    assert plan.allows("bfloat16")
    assert not plan.allows("int8")
    with pytest.raises(ValidationError, match="int8 was not checked"):
        EnginePlan(weights_sha256=DIGEST, cpu="int8", checks=(precision_check("bfloat16"),))
    with pytest.raises(ValidationError, match="int8 needs its ranges"):
        EnginePlan(weights_sha256=DIGEST, cpu="int8", checks=(precision_check("int8"),))
    with pytest.raises(ValidationError, match="int8 needs its ranges"):
        EnginePlan(
            weights_sha256=DIGEST, checks=(precision_check("int8"),), int8_ranges=(None, None)
        )


def test_it_is_read_as_written(tmp_path: Path) -> None:
    plan = EnginePlan(
        weights_sha256=DIGEST,
        cpu="int8",
        checks=(precision_check("int8"),),
        int8_ranges=((-1.5, 2.0), None),
    )
    (tmp_path / PLAN_FILE).write_text(plan.model_dump_json())
    assert read_plan(tmp_path, DIGEST) == plan


def test_without_one_everything_is_float32(tmp_path: Path) -> None:
    assert read_plan(tmp_path, DIGEST) == EnginePlan(weights_sha256=DIGEST)


def test_another_checkpoints_is_refused(tmp_path: Path) -> None:
    (tmp_path / PLAN_FILE).write_text(EnginePlan(weights_sha256=DIGEST).model_dump_json())
    with pytest.raises(SpecError, match="other weights"):
        read_plan(tmp_path, "b" * 64)


@pytest.mark.parametrize("text", ["", "{}", '{"weights_sha256": "' + DIGEST + '", "new": 1}'])
def test_one_that_is_damaged_or_newer_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / PLAN_FILE).write_text(text)
    with pytest.raises(SpecError, match="upgrade affectline or export"):
        read_plan(tmp_path, DIGEST)
