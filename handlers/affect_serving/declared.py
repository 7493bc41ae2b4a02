"""Every metric of the service, declared once.

`make metrics` writes from here what TorchServe registers (`metrics.yaml`) and what people read
(`docs/metrics.md`). Labels take few values, known beforehand or the archive's own: never anything
that a client sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from affect_client.wire import GATEWAY_CODES, PROBLEMS
from affect_core.drift import BINS, OUTPUTS

Kind = Literal["counter", "gauge", "histogram"]

STAGES: Final = ("decode", "detect", "backbone", "temporal", "encode")
OK: Final = "ok"
GONE: Final = "client_gone"
"""The outcome of a clip whose client went away before the end of its stream."""
FACES: Final = ("0", "1", "2", "3", "4+")


@dataclass(frozen=True, slots=True)
class Label:
    """A label and the values it can have; none are listed where they are the archive's."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """What one metric counts or measures."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[Label, ...]
    meaning: str

    def known_values(self) -> Iterator[tuple[str, ...]]:
        """Each set of labels' values that can be named beforehand."""
        return product(*(label.values for label in self.labels))


_MODEL: Final = Label("model")
_OURS: Final = tuple(code for code in PROBLEMS if code not in GATEWAY_CODES)
_CODE: Final = Label("code", (OK, GONE, *(code for code in _OURS if code != "unknown_session")))
_LIVE_CODE: Final = Label("code", (OK, *_OURS))
_OUTCOME: Final = Label("outcome", ("face", "no_face"))
_STAGE: Final = Label("stage", STAGES)
_OUTPUT: Final = Label("output", OUTPUTS)
_BIN: Final = Label("bin", BINS)

CLIPS: Final = Metric(
    "affect_clips_total", "counter", "Count", (_CODE,),
    "Clips by how they ended: `ok`, a problem's code, or `client_gone`.",
)  # fmt: skip
FRAMES: Final = Metric(
    "affect_frames_total", "counter", "Count", (_OUTCOME,),
    "Sampled frames of answered clips, with and without a face.",
)  # fmt: skip
FRAMES_BY_FACES: Final = Metric(
    "affect_frames_by_faces_total", "counter", "Count", (Label("faces", FACES),),
    "The same frames by the number of faces answered.",
)  # fmt: skip
CLIP_SECONDS: Final = Metric(
    "affect_clip_seconds_total", "counter", "Seconds", (_MODEL,),
    "Seconds of video answered: frames over frames a second.",
)  # fmt: skip
STAGE_SECONDS: Final = Metric(
    "affect_stage_seconds", "histogram", "Seconds", (_STAGE,),
    "Seconds of an answered clip in each stage. Stages of one clip overlap.",
)  # fmt: skip
QUEUE_SECONDS: Final = Metric(
    "affect_queue_seconds", "histogram", "Seconds", (),
    "From a clip's arrival in the worker to its first turn at decoding. The wait for the worker "
    "comes before: `affect:wait_seconds:mean5m`.",
)  # fmt: skip
ANSWER_SECONDS: Final = Metric(
    "affect_answer_seconds", "histogram", "Seconds", (),
    "From a clip's arrival in the worker to the end of its answer, whatever that is.",
)  # fmt: skip
REAL_TIME_FACTOR: Final = Metric(
    "affect_real_time_factor_ratio", "histogram", "Ratio", (),
    "Seconds in the worker over seconds of video answered; below 1 is faster than it plays.",
)  # fmt: skip
BATCH_CLIPS: Final = Metric(
    "affect_batch_clips", "histogram", "Count", (),
    "Clips in hand in a worker as one of them ended, itself included.",
)  # fmt: skip
QUEUE_CLIPS: Final = Metric(
    "affect_queue_clips", "gauge", "Count", (_MODEL,),
    "Clips that wait for a worker, as TorchServe counts them, every 10 s.",
)  # fmt: skip

LIVE_REQUESTS: Final = Metric(
    "affect_live_requests_total", "counter", "Count", (_LIVE_CODE,),
    "Requests of live sessions by how they ended.",
)  # fmt: skip
LIVE_BATCHES: Final = Metric(
    "affect_live_batches_total", "counter", "Count", (_MODEL,),
    "Batches; requests over batches is how many sessions advance together.",
)  # fmt: skip
LIVE_BATCH_REQUESTS: Final = Metric(
    "affect_live_batch_requests", "histogram", "Count", (),
    "Requests that came together.",
)  # fmt: skip
LIVE_FRAMES: Final = Metric(
    "affect_live_frames_total", "counter", "Count", (_OUTCOME,),
    "Frames of live sessions, with and without a face.",
)  # fmt: skip
LIVE_STAGE_SECONDS: Final = Metric(
    "affect_live_stage_seconds", "histogram", "Seconds", (_STAGE,),
    "Seconds of an answered request in each stage.",
)  # fmt: skip
LIVE_ANSWER_SECONDS: Final = Metric(
    "affect_live_answer_seconds", "histogram", "Seconds", (),
    "From a request's arrival in the worker to its answer.",
)  # fmt: skip
LIVE_SESSIONS: Final = Metric(
    "affect_live_sessions", "gauge", "Count", (_MODEL,),
    "Sessions with state now.",
)  # fmt: skip
LIVE_STARTED: Final = Metric(
    "affect_live_sessions_started_total", "counter", "Count", (_MODEL,),
    "Sessions begun.",
)  # fmt: skip
LIVE_ENDED: Final = Metric(
    "affect_live_sessions_ended_total", "counter", "Count", (_MODEL,),
    "Sessions that their clients ended.",
)  # fmt: skip
LIVE_EXPIRED: Final = Metric(
    "affect_live_sessions_expired_total", "counter", "Count", (_MODEL,),
    "Sessions forgotten because nothing came any more.",
)  # fmt: skip

OUTPUTS_SEEN: Final = Metric(
    "affect_outputs_total", "counter", "Count", (_OUTPUT, _BIN),
    "Faces answered, by the tenth of its range in which each number lies; `bin` 0 is the lowest.",
)  # fmt: skip
REFERENCE: Final = Metric(
    "affect_reference_ratio", "gauge", "Ratio", (_OUTPUT, _BIN),
    "The share of each bin in the evaluation that the archive carries; none where it carries none.",
)  # fmt: skip

MODEL_INFO: Final = Metric(
    "affect_model_info", "gauge", "Count",
    (_MODEL, Label("version"), Label("weights"), Label("precision"), Label("device")),
    "1 for what is served. `weights` is their SHA-256.",
)  # fmt: skip
WORKER_MEMORY: Final = Metric(
    "affect_worker_memory_bytes", "gauge", "Bytes", (_MODEL, Label("worker")),
    "Resident memory of a worker, every 10 s. `worker` is its place, which its successor takes.",
)  # fmt: skip
WORKER_START: Final = Metric(
    "affect_worker_start_timestamp_seconds", "gauge", "Seconds", (_MODEL, Label("worker")),
    "When the worker in this place began to load the model, Unix time. A change is a restart.",
)  # fmt: skip

BOTH: Final = (OUTPUTS_SEEN, REFERENCE, MODEL_INFO, WORKER_MEMORY, WORKER_START)
OF_CLIPS: Final = (
    CLIPS, FRAMES, FRAMES_BY_FACES, CLIP_SECONDS, STAGE_SECONDS, QUEUE_SECONDS, ANSWER_SECONDS,
    REAL_TIME_FACTOR, BATCH_CLIPS, QUEUE_CLIPS,
)  # fmt: skip
OF_LIVE: Final = (
    LIVE_REQUESTS, LIVE_BATCHES, LIVE_BATCH_REQUESTS, LIVE_FRAMES, LIVE_STAGE_SECONDS,
    LIVE_ANSWER_SECONDS, LIVE_SESSIONS, LIVE_STARTED, LIVE_ENDED, LIVE_EXPIRED,
)  # fmt: skip
DECLARED: Final = (*OF_CLIPS, *OF_LIVE, *BOTH)
