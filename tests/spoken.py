"""What a server says, as JSON has it: for tests of how the clients read it."""

from __future__ import annotations

from typing import Any

MODEL = {
    "name": "affect",
    "version": "1.0",
    "architecture": "vgg19-convlstm",
    "weights": "sha256:00",
    "trained_on": "nothing, for tests",
}
CLIP = {"duration_s": 0.6, "width": 176, "height": 144, "codec": "h264", "rotation": 0}
TIMING = {"decode": 0.05, "detect": 0.08, "backbone": 1.1, "temporal": 0.1, "total": 1.4}


def face(track: int = 0, arousal: float = 0.12, valence: float = -0.3) -> dict[str, Any]:
    return {
        "track": track,
        "box": {"x": 61 + 60 * track, "y": 30, "width": 48, "height": 62},
        "score": 0.98,
        "arousal": arousal,
        "valence": valence,
        "confidence": None,
    }


def frame(index: int, *faces: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "time_s": index / 5, "faces": list(faces)}


def track(number: int, frames: int = 1) -> dict[str, Any]:
    statistics = {"mean": 0.12, "std": 0.0, "min": 0.12, "max": 0.12}
    return {
        "track": number,
        "start_s": 0.0,
        "end_s": 0.4,
        "frames": frames,
        "arousal": statistics,
        "valence": statistics,
    }


def prediction(*frames: dict[str, Any]) -> dict[str, Any]:
    shown = list(frames) or [frame(0, face()), frame(1), frame(2, face(arousal=0.5))]
    tracks = sorted({each["track"] for one in shown for each in one["faces"]})
    return {
        "model": MODEL,
        "clip": CLIP,
        "sample_fps": 5.0,
        "frames": shown,
        "tracks": [track(number) for number in tracks],
        "timing_s": TIMING,
    }


def stream_lines() -> list[dict[str, Any]]:
    whole = prediction()
    return [
        {"type": "clip", "model": MODEL, "clip": CLIP, "sample_fps": 5.0},
        *({"type": "frame", **one} for one in whole["frames"]),
        {"type": "summary", "clip": CLIP, "tracks": whole["tracks"], "timing_s": TIMING},
    ]


def live_answer(session: str, *frames: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, "session": session, "frames": list(frames), "timing_s": TIMING}


def problem(code: str, status: int, **members: Any) -> dict[str, Any]:
    return {
        "type": f"urn:problem-type:affectline:{code}",
        "title": "A title",
        "status": status,
        "code": code,
        "detail": "What is wrong and what to do.",
        **members,
    }
