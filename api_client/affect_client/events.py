"""Stream lines as typed events, from bytes cut anywhere."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json

from affect_client._answers import Head, problem_error, reasons, unexpected
from affect_client.errors import BrokenStreamError
from affect_client.results import AffectResult
from affect_client.wire import Frame, StreamClip, StreamFrame, StreamSummary

StreamEvent: TypeAlias = "StreamClip | StreamFrame | StreamSummary"
"""First a `StreamClip`, then a `StreamFrame` for every sample, last a `StreamSummary`."""

MAX_LINE_BYTES: Final = 16 << 20
_KINDS: Final[dict[str, type[StreamClip | StreamFrame | StreamSummary]]] = {
    "clip": StreamClip,
    "frame": StreamFrame,
    "summary": StreamSummary,
}


class EventParser:
    """Reads an NDJSON answer piece by piece.

    Lines of a type that is not known are passed over: a newer server may send more than this.

    Args:
        head: of the answer, for errors.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._rest = bytearray()
        self._events = 0
        self._ended = False

    def feed(self, data: bytes) -> Generator[StreamEvent, None, None]:
        """The events that `data` completes; it must be read to its end.

        Raises:
            StatusError: the line that says why the answer broke off.
            BrokenStreamError: a line that is none of the contract's.
        """
        begin = len(self._rest)
        self._rest += data
        while (end := self._rest.find(b"\n", begin)) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            begin = 0
            event = self._event(line)
            if event is not None:
                yield event
        if len(self._rest) > MAX_LINE_BYTES:
            raise self._broken(f"has a line of more than {MAX_LINE_BYTES} bytes", b"")

    def finish(self) -> Generator[StreamEvent, None, None]:
        """The event of a last line without its end, if it is whole.

        Raises:
            StatusError: as `feed`.
            BrokenStreamError: as `feed`, or the answer ends without its summary.
        """
        line, self._rest = bytes(self._rest), bytearray()
        event = self._event(line)
        if event is not None:
            yield event
        if not self._ended:
            raise self._broken("ends without a summary", b"")

    def _event(self, line: bytes) -> StreamEvent | None:
        if not line.strip():
            return None
        try:
            members = from_json(line)
        except ValueError:
            raise self._broken("has a line that is no whole JSON", line) from None
        if not isinstance(members, dict) or not isinstance(members.get("type"), str):
            raise self._broken("has a line without a type", line)
        if members["type"] == "error":
            raise self._said(members.get("problem"), line)
        kind = _KINDS.get(members["type"])
        if kind is None:
            return None
        try:
            event = kind.model_validate(members)
        except ValidationError as error:
            outside = f"has a line outside the contract: {reasons(error)};"
            raise self._broken(outside, line) from None
        self._events += 1
        self._ended = kind is StreamSummary
        return event

    def _said(self, problem: object, line: bytes) -> Exception:
        error = None
        if isinstance(problem, Mapping):
            error = problem_error(problem, line, self._head.request_id)
        return error or self._broken("has an error line that names no problem", line)

    def _broken(self, what: str, line: bytes) -> BrokenStreamError:
        message = f"The stream from {self._head.url} {what} after {self._events} event(s)."
        return unexpected(BrokenStreamError, self._head, message, line)


def result_of(events: Iterable[StreamEvent]) -> AffectResult:
    """The whole answer that a stream's events tell, all of them, in order.

    Raises:
        ValueError: the first is not the clip, or the last not the summary.
    """
    match list(events):
        case [StreamClip() as first, *between, StreamSummary() as last]:
            return AffectResult(
                model=first.model,
                clip=last.clip,
                sample_fps=first.sample_fps,
                frames=[
                    Frame(index=event.index, time_s=event.time_s, faces=event.faces)
                    for event in between
                    if isinstance(event, StreamFrame)
                ],
                tracks=last.tracks,
                timing_s=last.timing_s,
            )
        case _:
            raise ValueError("a stream's events begin with its clip and end with its summary")
