"""What Prometheus sees of clips and live sessions. Labels never hold anything a client sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from affect_client.wire import Frame, ProblemCode
from affect_core.drift import BINS, OUTPUTS, Output, bin_of
from affect_serving import declared
from affect_serving.account import Account
from affect_serving.declared import Metric
from affect_serving.recorder import Recorder
from affect_serving.served import ServedModel

_MOST_FACES: Final = len(declared.FACES) - 1


class ServingMetrics:
    """Clips.

    Args:
        recorder: takes the values.
        model: its name, as labels have it.
    """

    def __init__(self, recorder: Recorder, model: str) -> None:
        self._recorder = recorder
        self._model = model
        recorder.begin((*declared.OF_CLIPS, declared.OUTPUTS_SEEN), model)

    def answered(self, account: Account, frames: Sequence[Frame], clip_s: float) -> None:
        """Count a clip that was answered, its frames and its seconds.

        Args:
            account: closed.
            frames: of the answer.
            clip_s: seconds of video that they are samples of.
        """
        add = self._recorder.add
        _count_frames(self._recorder, declared.FRAMES, frames)
        for faces, count in Counter(min(len(frame.faces), _MOST_FACES) for frame in frames).items():
            add(declared.FRAMES_BY_FACES, count, declared.FACES[faces])
        _count_outputs(self._recorder, frames)
        add(declared.CLIP_SECONDS, clip_s, self._model)
        if clip_s > 0:
            add(declared.REAL_TIME_FACTOR, account.total_s / clip_s)
        _observe_stages(self._recorder, declared.STAGE_SECONDS, account)
        if account.stages is not None:
            add(declared.QUEUE_SECONDS, account.stages.queue)
        self._ended(account, declared.OK)

    def failed(self, account: Account, code: ProblemCode) -> None:
        """Count a clip that was refused or failed."""
        self._ended(account, code)

    def gone(self, account: Account) -> None:
        """Count a clip whose client went away."""
        self._ended(account, declared.GONE)

    def _ended(self, account: Account, outcome: str) -> None:
        self._recorder.add(declared.CLIPS, 1, outcome)
        self._recorder.add(declared.ANSWER_SECONDS, account.total_s)
        self._recorder.add(declared.BATCH_CLIPS, account.together)


class LiveMetrics:
    """Live sessions, beside `ServingMetrics`."""

    def __init__(self, recorder: Recorder, model: str) -> None:
        self._recorder = recorder
        self._model = model
        recorder.begin((*declared.OF_LIVE, declared.OUTPUTS_SEEN), model)

    def answered(self, account: Account, frames: Sequence[Frame]) -> None:
        """Count a request that was answered, its frames and its seconds."""
        _count_frames(self._recorder, declared.LIVE_FRAMES, frames)
        _count_outputs(self._recorder, frames)
        _observe_stages(self._recorder, declared.LIVE_STAGE_SECONDS, account)
        self._ended(account, declared.OK)

    def failed(self, account: Account, code: ProblemCode) -> None:
        """Count a request that was refused or failed."""
        self._ended(account, code)

    def batch(self, requests: int) -> None:
        """Count requests that came together and were worked on together, as one."""
        self._recorder.add(declared.LIVE_BATCHES, 1, self._model)
        self._recorder.add(declared.LIVE_BATCH_REQUESTS, requests)

    def started(self) -> None:
        """Count a session that has begun."""
        self._recorder.add(declared.LIVE_STARTED, 1, self._model)

    def ended(self) -> None:
        """Count a session that its client has ended."""
        self._recorder.add(declared.LIVE_ENDED, 1, self._model)

    def sessions(self, count: int, expired: int) -> None:
        """Say how many sessions have state now, and how many more were forgotten."""
        self._recorder.add(declared.LIVE_SESSIONS, count, self._model)
        if expired:
            self._recorder.add(declared.LIVE_EXPIRED, expired, self._model)

    def _ended(self, account: Account, outcome: str) -> None:
        self._recorder.add(declared.LIVE_REQUESTS, 1, outcome)
        self._recorder.add(declared.LIVE_ANSWER_SECONDS, account.total_s)


def describe_model(recorder: Recorder, model: ServedModel) -> None:
    """Say what is served, and how its outputs spread in its evaluation, where one is known."""
    info = model.info
    # TorchServe drops a line whose label has a colon.
    recorder.add(
        declared.MODEL_INFO,
        1,
        model.name,
        info.version,
        info.weights.removeprefix("sha256:"),
        model.description.precision,
        model.description.device.partition(":")[0],
    )
    if model.reference is None:
        return
    for output in OUTPUTS:
        for place, share in zip(BINS, model.reference.shares(output), strict=True):
            recorder.add(declared.REFERENCE, share, output, place)


def _count_frames(recorder: Recorder, metric: Metric, frames: Sequence[Frame]) -> None:
    with_face = sum(1 for frame in frames if frame.faces)
    recorder.add(metric, with_face, "face")
    recorder.add(metric, len(frames) - with_face, "no_face")


def _count_outputs(recorder: Recorder, frames: Sequence[Frame]) -> None:
    seen: Counter[tuple[Output, int]] = Counter()
    for frame in frames:
        for face in frame.faces:
            seen["arousal", bin_of("arousal", face.arousal)] += 1
            seen["valence", bin_of("valence", face.valence)] += 1
            seen["score", bin_of("score", face.score)] += 1
    for (output, place), count in seen.items():
        recorder.add(declared.OUTPUTS_SEEN, count, output, BINS[place])


def _observe_stages(recorder: Recorder, metric: Metric, account: Account) -> None:
    for stage, seconds in account.stage_seconds().items():
        recorder.add(metric, seconds, stage)
