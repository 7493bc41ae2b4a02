"""What was answered: status, headers and bytes into results or errors. No connection here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from affect_client.errors import (
    AffectError,
    BrokenAnswerError,
    NotAffectlineError,
    StatusError,
    UnexpectedAnswerError,
)
from affect_client.refusals import BY_CODE, BY_STATUS
from affect_client.retries import parse_retry_after

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
TEXT: Final = "text/plain"
MAX_ANSWER_BYTES: Final = 256 << 20
"""As much as the server ever sends."""
MAX_REFUSAL_BYTES: Final = 64 << 10
_FROM_GATEWAYS: Final = frozenset({401, 403, 408, 413, 429, 502, 503, 504})
"""Statuses that a gateway gives in words of its own, HTML mostly. With another status, other words
than the contract's and TorchServe's are those of another server."""
_Model = TypeVar("_Model", bound=BaseModel)
_Unexpected = TypeVar("_Unexpected", bound=UnexpectedAnswerError)


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; their names in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str | None:
        """TorchServe's, which its log has too."""
        return self.headers.get("x-request-id")

    @property
    def max_bytes(self) -> int:
        """How much of the body to read; what follows is a flood."""
        return MAX_ANSWER_BYTES if self.status == 200 else MAX_REFUSAL_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    head: Head
    body: bytes


def require_ok(answer: Answer) -> None:
    """Return where the status is 200.

    Raises:
        StatusError: the server or a gateway refused.
        NotAffectlineError: the words are neither's.
    """
    if answer.head.status != 200:
        raise _refusal(answer.head, answer.body)


def require_media_type(head: Head, expected: str) -> None:
    """Return where a 200 is of the expected kind.

    Raises:
        NotAffectlineError: it is not.
    """
    if head.media_type != expected:
        kind = head.media_type or "bytes of no named kind"
        raise unexpected(
            NotAffectlineError, head, f"{head.url} answered with {kind}, not {expected}."
        )


def parse(kind: type[_Model], answer: Answer, marks: set[str]) -> _Model:
    """The answer as a model.

    Args:
        kind: of the contract.
        answer: with any status.
        marks: members by which the contract's answers are told from other JSON.

    Raises:
        StatusError: the server or a gateway refused.
        NotAffectlineError: not the contract's.
        BrokenAnswerError: the contract's, cut off or with values outside it.
    """
    require_ok(answer)
    head, body = answer.head, answer.body
    require_media_type(head, JSON)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        members = _members(body)
        if members is None:
            cut = f"{head.url} answered with {len(body)} bytes that are no whole JSON."
            raise unexpected(BrokenAnswerError, head, cut, body) from None
        if not marks <= set(members):
            other = f"{head.url} answered with JSON of something else."
            raise unexpected(NotAffectlineError, head, other, body) from None
        outside = f"{head.url} answered outside the contract. {reasons(error)}."
        raise unexpected(BrokenAnswerError, head, outside, body) from None


def problem_error(
    problem: Mapping[str, Any], body: bytes, request_id: str | None
) -> StatusError | None:
    """The error of problem details; None where they are not the contract's.

    A code of a newer server has the class of its status.
    """
    status, code, detail = (problem.get(name) for name in ("status", "code", "detail"))
    if not (isinstance(status, int) and isinstance(code, str) and isinstance(detail, str)):
        return None
    kind = BY_CODE.get(code) or BY_STATUS.get(status, StatusError)
    error = kind(f"{detail} ({_named(status, code, request_id)})")
    error.problem = dict(problem)
    error.status, error.code, error.detail = status, code, detail
    error.body, error.request_id = body[:MAX_REFUSAL_BYTES], request_id
    return error


def unexpected(kind: type[_Unexpected], head: Head, message: str, body: bytes = b"") -> _Unexpected:
    """An error about an answer that is not the contract's."""
    error = kind(f"{message} {kind.advice}")
    error.status = head.status
    error.body = body[:MAX_REFUSAL_BYTES]
    error.request_id = head.request_id
    return error


def reasons(error: ValidationError) -> str:
    """The first three places where a value is not as the contract has it."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found[:3])


def _refusal(head: Head, body: bytes) -> AffectError:
    members = _members(body) or {}
    wait_s = parse_retry_after(head.headers.get("retry-after"), datetime.now(timezone.utc))
    error = problem_error(members, body, head.request_id)
    if error is None and head.status >= 400:
        error = _front_end_error(head, members, body)
    if error is not None:
        error.retry_after_s = wait_s
        return error
    place = head.headers.get("location")
    if 300 <= head.status < 400 and place is not None:
        what = f"{head.url} sends elsewhere, to {place!r}, which is not followed."
    else:
        what = f"{head.url} answered with {head.status} and words of something else."
    return unexpected(NotAffectlineError, head, what, body)


def _front_end_error(head: Head, members: Mapping[str, Any], body: bytes) -> StatusError | None:
    """TorchServe's own refusal, or a gateway's; None where it is neither."""
    message = members.get("message")
    if isinstance(members.get("code"), int) and isinstance(message, str):
        detail = message
    elif head.status in _FROM_GATEWAYS:
        detail = "Refused before the service."
    else:
        return None
    kind = BY_STATUS.get(head.status, StatusError)
    error = kind(f"{detail} ({_named(head.status, None, head.request_id)}) {kind.advice}".strip())
    error.status, error.detail = head.status, detail
    error.body, error.request_id = body[:MAX_REFUSAL_BYTES], head.request_id
    return error


def _named(status: int, code: str | None, request_id: str | None) -> str:
    named = f"{status} {code}" if code else f"status {status}"
    return named if request_id is None else f"{named}, request {request_id}"


def _members(body: bytes) -> dict[str, Any] | None:
    """Of a JSON object; an empty one for other JSON, None for what is none."""
    try:
        value = from_json(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else {}
