"""What an operator sets, from `AFFECT_*` environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from affect_core.cores import available_cores
from affect_core.engine_plan import CpuPrecision
from affect_core.limits import Limits
from affect_core.spec import DetectorName


class ServingSettings(BaseSettings):
    """One object for everything; each field is `AFFECT_` and its name in capitals.

    Nested limits use two underscores, for example `AFFECT_LIMITS__MAX_DURATION_S=600`.
    """

    model_config = SettingsConfigDict(
        env_prefix="AFFECT_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    limits: Limits = Limits()
    max_body_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=1,
        description="Largest clip. The front end refuses bodies above its own limit first.",
    )
    live_max_samples: int = Field(
        default=64, ge=1, le=256, description="Samples in one request of a live session."
    )
    threads: int | None = Field(
        default=None, ge=1, description="Of the model on a CPU; all cores unless set."
    )
    decode_threads: int | None = Field(
        default=None,
        ge=1,
        description="Clips decoded, and frames searched for faces, at the same time; as many as "
        "there are cores unless set, and at least 2.",
    )
    precision: CpuPrecision | None = Field(
        default=None, description="Of the backbone on a CPU, instead of the archive's."
    )
    detector: DetectorName | None = Field(
        default=None, description="Instead of the spec's; the crops then differ from training's."
    )
    yunet_model: Path | None = Field(default=None, description="YuNet's ONNX file.")

    @property
    def front_end_threads(self) -> int:
        """`decode_threads`, or what fits this machine. With one, a long clip would hold up all."""
        return self.decode_threads or max(2, available_cores())
