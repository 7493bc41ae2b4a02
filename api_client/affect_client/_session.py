"""A live session's state on the client: its name, its times, when it has ended. No I/O here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from affect_client._answers import Answer, parse
from affect_client._multipart import Part
from affect_client._requests import FacesChoice, Request, Requests, checked_options
from affect_client.errors import (
    AffectError,
    BrokenAnswerError,
    SessionClosedError,
    SettingsError,
)
from affect_client.pictures import Picture, encoded
from affect_client.refusals import UnknownSessionError
from affect_client.retries import Repeat
from affect_client.settings import require_positive
from affect_client.uploads import ClipSource, Upload
from affect_client.wire import Frame, LiveAnswer, LiveOptions

_MARKS = {"session", "frames"}


@dataclass
class SessionState:
    """What both kinds of live session know.

    Args:
        requests: builds requests.
        fps: samples a second, where times are not given.
        faces: which faces the session follows.
    """

    requests: Requests
    fps: float
    faces: FacesChoice
    name: str = field(default_factory=lambda: os.urandom(16).hex())
    begun: bool = False
    closed: bool = False
    anchor_s: float = 0.0
    """Time of the sample from which times that are not given are counted."""
    since_anchor: int = 0

    def __post_init__(self) -> None:
        require_positive("fps", self.fps)
        checked_options(LiveOptions, times_s=[], faces=self.faces)

    def frames(self, pictures: Sequence[Picture], times_s: Sequence[float] | None) -> Request:
        """Send pictures.

        Raises:
            SessionClosedError: the session is closed.
            PictureError: one is none.
            SettingsError: as many times as pictures are needed, increasing.
        """
        self._require_open()
        if not pictures:
            raise SettingsError("pictures is empty.")
        if times_s is not None and len(times_s) != len(pictures):
            raise SettingsError(f"There are {len(pictures)} pictures and {len(times_s)} times_s.")
        times = [self._next_s(k) for k in range(len(pictures))] if times_s is None else times_s
        parts = [
            Part(f"frame{k}", encoded(picture), filename=f"frame{k}")
            for k, picture in enumerate(pictures)
        ]
        options = checked_options(LiveOptions, times_s=[float(t) for t in times], faces=self.faces)
        if times_s is None:
            self.since_anchor += len(pictures)
        else:
            self._count_from(times_s[-1])
        return self._request(parts, options)

    def clip(self, clip: ClipSource, start_s: float | None) -> Request:
        """Send a short clip.

        Raises:
            SessionClosedError: the session is closed.
            ClipFileError: the clip cannot be read.
            SettingsError: `start_s` is no time.
        """
        self._require_open()
        upload = Upload.of(clip)
        options = checked_options(
            LiveOptions,
            start_s=self._next_s(0) if start_s is None else float(start_s),
            sample_fps=self.fps,
            faces=self.faces,
        )
        return self._request([Part("data", upload, filename=upload.name)], options)

    def end(self) -> Request | None:
        """Tell the server that no more comes; None where it knows nothing of the session."""
        if self.closed or not self.begun:
            self.closed = True
            return None
        self.closed = True
        sequence = {**self._sequence(), "ts_request_sequence_end": "true"}
        return self.requests.live([], LiveOptions(times_s=[]), sequence, Repeat.UNHEARD)

    def answered(self, answer: Answer) -> LiveAnswer:
        """The answer to frames or a clip."""
        parsed = parse(LiveAnswer, answer, _MARKS)
        self.begun = True
        return parsed

    def frame_answered(self, answer: LiveAnswer) -> Frame:
        """The one frame of an answer to one picture.

        Raises:
            BrokenAnswerError: there is none, or there are several.
        """
        if len(answer.frames) != 1:
            raise BrokenAnswerError(
                f"One picture was sent and {len(answer.frames)} frames were answered. "
                f"{BrokenAnswerError.advice}"
            )
        return answer.frames[0]

    def clip_answered(self, answer: LiveAnswer) -> LiveAnswer:
        """Count on from a clip's last sample, which only the server knows."""
        if answer.frames:
            self._count_from(answer.frames[-1].time_s)
        return answer

    def failed(self, error: AffectError) -> None:
        """Close where the server has forgotten the session."""
        if isinstance(error, UnknownSessionError):
            self.closed = True

    def _request(self, parts: Sequence[Part], options: LiveOptions) -> Request:
        if self.begun:
            return self.requests.live(parts, options, self._sequence(), Repeat.UNHEARD)
        # A session's first request makes new state, whatever came of an earlier attempt.
        sequence = {**self._sequence(), "ts_request_sequence_start": "true"}
        return self.requests.live(parts, options, sequence, Repeat.ALWAYS)

    def _sequence(self) -> dict[str, str]:
        return {"ts_request_sequence_id": self.name}

    def _next_s(self, ahead: int) -> float:
        return self.anchor_s + (self.since_anchor + ahead) / self.fps

    def _count_from(self, time_s: float) -> None:
        self.anchor_s, self.since_anchor = float(time_s), 1

    def _require_open(self) -> None:
        if self.closed:
            raise SessionClosedError(f"The live session is closed. {SessionClosedError.advice}")
