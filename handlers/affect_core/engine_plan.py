"""How an archive's backbone is run: `engines.json`, written at export beside the checkpoint.

The checkpoint is the model; this is what was found when its precisions were tried.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from affect_core.errors import SpecError

PLAN_FILE: Final = "engines.json"

Precision = Literal["float32", "bfloat16", "float16", "int8"]
"""Of the backbone's convolutions. What has a state is float32 everywhere."""
CpuPrecision = Literal["float32", "bfloat16", "int8"]

TOLERANCES: Final[dict[CpuPrecision, float]] = {"bfloat16": 0.005, "int8": 0.02}
"""How far a precision's outputs may be from float32's on average, on the scale of -1 to 1."""
MIN_CCC: Final = 0.99
"""Agreement with float32 over the same crops."""


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrecisionCheck(_Plan):
    """A precision's outputs (valence, arousal) compared with float32's on the same crops."""

    precision: CpuPrecision
    engine: str = Field(description="Name and version.")
    crops: int = Field(ge=1)
    crops_from: str = Field(min_length=1, description="What they show.")
    mean_error: float = Field(ge=0, description="Mean absolute difference.")
    max_error: float = Field(ge=0)
    ccc: float | None = Field(description="The lower one; None where the outputs hardly vary.")

    @property
    def passed(self) -> bool:
        """Whether the precision may be served."""
        return self.mean_error <= TOLERANCES[self.precision] and (
            self.ccc is None or self.ccc >= MIN_CCC
        )


class EnginePlan(_Plan):
    """What a server may run the backbone with."""

    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="What it was tried with.")
    cpu: CpuPrecision = Field(default="float32", description="Unless the operator says otherwise.")
    checks: tuple[PrecisionCheck, ...] = ()
    int8_ranges: tuple[tuple[float, float] | None, ...] | None = Field(
        default=None,
        description="Of each convolution's input, in the order of the calls. "
        "One without a range is not rounded, as that would cost too much.",
    )

    @model_validator(mode="after")
    def _is_checked(self) -> EnginePlan:
        if self.cpu != "float32" and not self.allows(self.cpu):
            raise ValueError(f"{self.cpu} was not checked, or failed its check")
        if self.allows("int8") and not any(self.int8_ranges or ()):
            raise ValueError("int8 needs its ranges")
        return self

    def allows(self, precision: CpuPrecision) -> bool:
        """Whether a precision may be served."""
        return precision == "float32" or any(
            check.passed for check in self.checks if check.precision == precision
        )


def read_plan(folder: Path, weights_sha256: str) -> EnginePlan:
    """The plan beside a checkpoint; without one everything is float32.

    Raises:
        SpecError: it is damaged, or another checkpoint's.
    """
    path = folder / PLAN_FILE
    if not path.is_file():
        return EnginePlan(weights_sha256=weights_sha256)
    try:
        plan = EnginePlan.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise SpecError(
            f"{path} asks for what this version of affectline cannot honour; "
            f"upgrade affectline or export the model again. {error}"
        ) from error
    if plan.weights_sha256 != weights_sha256:
        raise SpecError(f"{path} was written for other weights. Export the archive again.")
    return plan
