"""What a live session sends, as TorchServe's rows and headers, and clips cut for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

import clips
from affect_core.decode import ClipReader
from affect_core.limits import Deadline, Limits
from affect_core.types import Image, Sampling

Step = tuple[dict[str, Any], dict[str, str]]
FPS = 5


def sampled(data: bytes, count: int) -> list[Image]:
    """The first samples of a clip at 5 a second."""
    with ClipReader(data, Limits(), Deadline(60)) as reader:
        samples = list(reader.samples(Sampling(fps=FPS)))
    assert len(samples) >= count
    return [sample.image for sample in samples[:count]]


def lossless(frames: Sequence[Image]) -> bytes:
    """A clip of just these frames, 5 a second."""
    return clips.encode(
        frames, fps=FPS, codec="libx264rgb", pixel_format="rgb24", options={"qp": "0"}
    )


def png(frame: Image) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def jpeg(frame: Image) -> bytes:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def headers(session: str, *, start: bool = False, end: bool = False) -> dict[str, str]:
    made = {"ts_request_sequence_id": session}
    if start:
        made["ts_request_sequence_start"] = "true"
    if end:
        made["ts_request_sequence_end"] = "true"
    return made


def pictures(
    frames: Sequence[Image] | Sequence[bytes], times_s: Sequence[float], **options: Any
) -> dict[str, bytearray]:
    """A row of PNG pictures, or of bytes as they are."""
    row = {
        f"frame{k}": bytearray(frame if isinstance(frame, bytes) else png(np.asarray(frame)))
        for k, frame in enumerate(frames)
    }
    return {**row, "options": encoded({"times_s": list(times_s), **options})}


def piece(data: bytes, start_s: float, **options: Any) -> dict[str, bytearray]:
    """A row of a short clip."""
    return {"data": bytearray(data), "options": encoded({"start_s": start_s, **options})}


def encoded(options: dict[str, Any]) -> bytearray:
    return bytearray(json.dumps(options).encode())
