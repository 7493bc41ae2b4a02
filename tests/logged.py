"""What a line of the log about a clip may hold."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Line(BaseModel):
    """A line of the log, and nothing besides."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event: Literal["clip", "live"]
    time: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
    request_id: str
    gateway_request_id: str | None
    trace_id: str | None
    span_id: str | None
    outcome: str
    seconds: dict[str, float]
    body_bytes: int
    answer_bytes: int
    clip_s: float | None
    width: int | None
    height: int | None
    samples: int
    faces: int
    versions: dict[str, str]
