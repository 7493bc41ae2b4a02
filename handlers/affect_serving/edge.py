"""What is used of TorchServe's context, request by request."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from affect_client import wire


def header(context: Any, position: int, name: str) -> str:
    """A request's header, "" where there is none. Upper and lower case are the same.

    TorchServe keeps part names beside the headers; their values are no strings.
    """
    for key, value in context.get_all_request_header(position).items():
        if key.lower() == name and isinstance(value, str):
            return value
    return ""


def refuse(context: Any, position: int, problem: wire.Problem) -> str:
    """Give a request the status of its problem; returns the problem as its answer."""
    phrase = HTTPStatus(problem.status).phrase
    context.set_response_status(code=problem.status, phrase=phrase, idx=position)
    context.set_response_content_type(position, wire.PROBLEM_MEDIA_TYPE)
    return problem.model_dump_json()


def echo_trace(context: Any, position: int, traceparent: str | None) -> None:
    """Send the trace that a request belongs to back with its answer."""
    if traceparent is not None:
        context.set_response_header(position, "traceparent", traceparent)


def begin_pieces(context: Any) -> None:
    """Before the first of the next three, once for each call of the handler."""
    context.stopping_criteria = {}


def leave_out(context: Any, position: int) -> None:
    """Send nothing for a request; it is handed over again."""
    del context.request_ids[position]


def send_piece(context: Any, position: int, *, last: bool) -> None:
    """What the handler returns for this request is a piece of its answer."""
    context.stopping_criteria[position] = lambda _piece: last


def answer_by_itself(context: Any, position: int) -> None:
    """What the handler returns for this request is all of its answer."""
    context.stopping_criteria[position] = lambda _answer: None
