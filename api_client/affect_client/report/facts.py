"""What the page says in words: about the clip, the samples and the model."""

from __future__ import annotations

import html
from typing import Final

from affect_client import wire

_WITH_CLIP: Final = (
    "Faces are biometric data, and this page holds the clip: "
    "pass it on as you would pass on the clip."
)
_WITHOUT_CLIP: Final = "This page does not hold the clip."


def facts(prediction: wire.Prediction, *, with_clip: bool) -> dict[str, str]:
    """HTML, escaped, for the places of `page.html` that hold text about the answer."""
    model = prediction.model
    return {
        "clip_facts": "".join(f"<li>{html.escape(fact)}</li>" for fact in _clip(prediction)),
        "truncated": _truncated(prediction),
        "trained_on": html.escape(model.trained_on),
        "model": html.escape(f"{model.name} {model.version}, {model.architecture}"),
        "weights": html.escape(model.weights),
        "privacy": _WITH_CLIP if with_clip else _WITHOUT_CLIP,
    }


def seconds(value: float) -> str:
    """`4.0 s` below a minute, `2:05.0 min` from there on."""
    tenths = round(value * 10)
    if tenths < 600:
        return f"{tenths / 10:.1f} s"
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest / 10:04.1f} min"


def _clip(prediction: wire.Prediction) -> list[str]:
    clip, frames = prediction.clip, prediction.frames
    with_face = sum(1 for frame in frames if frame.faces)
    tracks = len({face.track for frame in frames for face in frame.faces})
    faces = ["no face in any of them"]
    if tracks:
        seen = "all" if with_face == len(frames) else f"{with_face:,}"
        faces = [f"a face in {seen} of them", _count(tracks, "track")]
    turned = [f"stored turned, shown {clip.rotation}° clockwise"] if clip.rotation else []
    return [
        "length unknown" if clip.duration_s is None else seconds(clip.duration_s),
        f"{clip.width}x{clip.height} pixels",
        clip.codec,
        *turned,
        f"{_count(len(frames), 'sample')} at {prediction.sample_fps:g} fps",
        *faces,
    ]


def _truncated(prediction: wire.Prediction) -> str:
    if not prediction.clip.truncated:
        return ""
    after = f" after {seconds(prediction.frames[-1].time_s)}" if prediction.frames else ""
    return (
        f'<p class="truncated" role="note"><strong>The clip broke off{after}.</strong> '
        "What came before is shown.</p>"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
