"""What a worker counts and logs of each clip, and what that costs."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from ts.context import Context

import clips
from affect_client.wire import Prediction
from affect_core.types import StageSeconds
from affect_handler import AffectHandler
from affect_serving.account import Account
from affect_serving.books import ClipBooks
from affect_serving.recorder import Recorder
from affect_serving.trace import Origin
from logged import Line
from worker import post_together

NAMES = ("decode", "detect", "backbone", "temporal", "encode", "queue", "total")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def lines(caplog: pytest.LogCaptureFixture) -> list[Line]:
    texts = [r.getMessage() for r in caplog.records if r.name == "affect_serving.clip_log"]
    return [Line.model_validate_json(text) for text in texts]


def recorded(caplog: pytest.LogCaptureFixture) -> dict[str, float]:
    """Values by name and labels, as TorchServe's Java sums them."""
    found: dict[str, float] = {}
    for record in caplog.records:
        text = record.getMessage()
        if text.startswith("[METRICS]affect_"):
            name, _, rest = text.removeprefix("[METRICS]").partition(":")
            value, labels, *_ = rest.split("|")
            key = f"{name.partition('.')[0]} {labels.removeprefix('#')}"
            found[key] = found.get(key, 0) + float(value)
    return found


@pytest.fixture
def handler(context: Context) -> AffectHandler:
    handler = AffectHandler()
    handler.initialize(context)
    return handler


def test_a_good_clip_a_bad_one_and_their_lines(
    handler: AffectHandler, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows: list[dict[str, Any]] = [{"data": bytearray(clips.portrait_pan())}, {"data": b"no clip"}]
    good, bad = post_together(handler, context, rows, [{"traceparent": TRACE}, {}])
    answer = Prediction.model_validate_json(good.text)
    by_outcome = {line.outcome: line for line in lines(caplog)}
    assert set(by_outcome) == {"ok", "undecodable_clip"}
    line = by_outcome["ok"]
    assert (line.trace_id, line.span_id) == tuple(TRACE.split("-")[1:3])
    assert line.samples == line.faces == len(answer.frames) == 10
    assert (line.width, line.height) == (answer.clip.width, answer.clip.height)
    assert line.body_bytes == len(rows[0]["data"])
    assert line.answer_bytes == len(good.text)
    assert set(line.seconds) == set(NAMES)
    assert line.versions["weights"] == answer.model.weights
    refused = by_outcome["undecodable_clip"]
    assert (refused.body_bytes, refused.samples, set(refused.seconds)) == (7, 0, {"total"})
    seen = recorded(caplog)
    assert seen["affect_clips_total code:ok"] == 1
    assert seen["affect_clips_total code:undecodable_clip"] == 1
    assert seen["affect_frames_by_faces_total faces:1"] == 10
    assert seen["affect_stage_seconds stage:encode"] > 0
    assert seen["affect_real_time_factor_ratio "] > 0
    for output in ("arousal", "valence", "score"):
        bins = f"affect_outputs_total output:{output},"
        assert sum(value for key, value in seen.items() if key.startswith(bins)) == 10
    assert bad.status == 422


@pytest.mark.parametrize("sample_fps", [5e-324, 1e-300, 0.1, 5, 30])
def test_no_rate_makes_a_clip_longer_than_it_is(
    sample_fps: float, handler: AffectHandler, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options = bytearray(b'{"sample_fps": %r}' % sample_fps)
    row = {"data": bytearray(clips.portrait_pan()), "options": options}
    (answered,) = post_together(handler, context, [row])
    assert Prediction.model_validate_json(answered.text).frames
    seen = recorded(caplog)
    assert seen["affect_clip_seconds_total model:affect"] == pytest.approx(2.0, abs=0.05)
    assert 0 < seen["affect_real_time_factor_ratio "] < 1000


def test_the_log_holds_neither_values_nor_names(
    handler: AffectHandler, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (answered,) = post_together(handler, context, [{"data": bytearray(clips.portrait_pan())}])
    answer = Prediction.model_validate_json(answered.text)
    values = {f"{v:.6f}" for f in answer.frames for v in (f.faces[0].arousal, f.faces[0].valence)}
    assert len(values) > 10
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert [value for value in values if value.rstrip("0") in logged] == []


def test_counting_and_logging_a_clip_take_less_than_a_millisecond(
    handler: AffectHandler, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    (answered,) = post_together(handler, context, [{"data": bytearray(clips.carphone())}])
    answer = Prediction.model_validate_json(answered.text)
    books = ClipBooks(Recorder(context.metrics), handler._service._model)
    # As a worker logs: lines on standard output, and none of pytest's handlers.
    root, kept = logging.getLogger(), list(logging.getLogger().handlers)
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        root.handlers[:] = [logging.StreamHandler(nowhere)]
        level = root.level
        root.setLevel(logging.INFO)
        try:
            spent = []
            for _ in range(500):
                account = Account(Origin("request"), 1000)
                began = time.process_time()
                books.answered(account, answer, StageSeconds(1, 1, 1, 1, 1, 1), 1)
                spent.append(time.process_time() - began)
        finally:
            root.handlers[:] = kept
            root.setLevel(level)
    print(f"{min(spent) * 1000:.3f} ms")  # noqa: T201
    assert min(spent) < 0.001
