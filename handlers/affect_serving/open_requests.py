"""Requests that TorchServe keeps asking about until their last piece is sent.

With continuous batching TorchServe hands over all open requests again after each return. What it
does with a request follows from what it got for it:

    nothing (left out)     it waits, and hands the whole body over again
    a piece, more follow   the first piece begins the response; the body is not handed over again
    a piece, the last      the response ends; only after a first piece
    an answer by itself    a response with a length; a status of 400 or more closes the connection

A request that has a piece and whose client is gone is not handed over any more: that is how a
worker learns of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from affect_client import wire
from affect_serving import edge


@dataclass(slots=True)
class OpenRequest:
    """One request between its arrival and its last piece.

    Args:
        media_type: of its answer.
        job: its number in the work; None where there is nothing to work on.
        body_bytes: what TorchServe hands over again while no piece was sent.
        traceparent: goes back with the answer.
    """

    media_type: str
    job: int | None = None
    body_bytes: int = 0
    traceparent: str | None = None
    pieces: list[str] = field(default_factory=list)
    problem: wire.Problem | None = None
    ended: bool = False
    begun: bool = False

    @property
    def due(self) -> bool:
        """Whether there is something to send."""
        return self.ended or bool(self.pieces)

    @property
    def body_to_come(self) -> int:
        """Bytes that will be handed over again with the next call."""
        return 0 if self.begun or self.due else self.body_bytes

    def add(self, piece: str | None) -> None:
        """Something is known; None is nothing to send."""
        if piece is not None:
            self.pieces.append(piece)

    def end(self, piece: str) -> None:
        """The last is known."""
        self.pieces.append(piece)
        self.ended = True

    def refuse(self, problem: wire.Problem) -> None:
        """The problem is the answer; only before a piece was sent."""
        self.pieces.clear()
        self.problem = problem
        self.ended = True

    def send(self, context: Any, position: int) -> tuple[str, bool]:
        """Its next piece, or its answer; whether that was its last."""
        if self.problem is not None:
            edge.answer_by_itself(context, position)
            edge.echo_trace(context, position, self.traceparent)
            text = edge.refuse(context, position, self.problem)
            # TorchServe forgets it once the last piece is sent, which nobody reads.
            self.problem, self.begun = None, True
            return text, False
        if not self.begun and not self.pieces:
            edge.leave_out(context, position)
            return "", False
        last = self.begun and self.ended
        if not self.begun:
            edge.echo_trace(context, position, self.traceparent)
        context.set_response_content_type(position, self.media_type)
        edge.send_piece(context, position, last=last)
        text = "".join(self.pieces)
        self.pieces.clear()
        self.begun = True
        return text, last
