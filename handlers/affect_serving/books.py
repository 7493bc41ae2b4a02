"""Each request's end, into metrics and log."""

from __future__ import annotations

from collections.abc import Sequence

from affect_client import wire
from affect_core.types import ClipInfo, StageSeconds
from affect_serving import declared
from affect_serving.account import Account
from affect_serving.clip_log import ClipLog
from affect_serving.metrics import LiveMetrics, ServingMetrics
from affect_serving.recorder import Recorder
from affect_serving.served import ServedModel


class ClipBooks:
    """Of clips.

    Args:
        recorder: takes the metrics.
        model: what answers.
    """

    def __init__(self, recorder: Recorder, model: ServedModel) -> None:
        self._metrics = ServingMetrics(recorder, model.name)
        self._log = ClipLog("clip", model)

    def answered(
        self, account: Account, prediction: wire.Prediction, seconds: StageSeconds, together: int
    ) -> None:
        """A clip was answered to its end; `together` clips were in hand."""
        _enter(account, prediction.frames, seconds)
        account.width, account.height = prediction.clip.width, prediction.clip.height
        account.clip_s = prediction.clip.duration_s
        account.close(together)
        self._metrics.answered(account, prediction.frames, _video_s(prediction))
        self._log.write(account, declared.OK)

    def failed(self, account: Account, code: wire.ProblemCode, together: int) -> None:
        """A clip was refused or failed."""
        account.close(together)
        self._metrics.failed(account, code)
        self._log.write(account, code)

    def gone(self, account: Account, together: int) -> None:
        """A clip's client went away."""
        account.close(together)
        self._metrics.gone(account)
        self._log.write(account, declared.GONE)


class LiveBooks:
    """Of live sessions' requests."""

    def __init__(self, recorder: Recorder, model: ServedModel) -> None:
        self.metrics = LiveMetrics(recorder, model.name)
        self._log = ClipLog("live", model)

    def answered(
        self,
        account: Account,
        frames: Sequence[wire.Frame],
        seconds: StageSeconds,
        clip: ClipInfo | None,
    ) -> None:
        """A request was answered."""
        _enter(account, frames, seconds)
        if clip is not None:
            account.width, account.height = clip.width, clip.height
            account.clip_s = clip.duration_s
        account.close()
        self.metrics.answered(account, frames)
        self._log.write(account, declared.OK)

    def failed(self, account: Account, code: wire.ProblemCode) -> None:
        """A request was refused or failed."""
        account.close()
        self.metrics.failed(account, code)
        self._log.write(account, code)


def _video_s(prediction: wire.Prediction) -> float:
    """Seconds of video that the samples stand for.

    A sample stands for no more than the clip, however few a second were asked for: otherwise one
    client's 1e-300 would make the sum of all clips infinite.
    """
    frames, apart = prediction.frames, 1 / prediction.sample_fps
    known = prediction.clip.duration_s
    longest = (frames[-1].time_s + 1 if frames else 0.0) if known is None else known
    return min(len(frames) * apart, longest)


def _enter(account: Account, frames: Sequence[wire.Frame], seconds: StageSeconds) -> None:
    account.stages = seconds
    account.samples = len(frames)
    account.faces = sum(len(frame.faces) for frame in frames)
