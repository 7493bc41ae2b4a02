"""What TorchServe 0.12.0 answers without asking a worker, in the contract's words."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from affect_client import wire

ENDED: Final = wire.Problem.of(
    "overloaded", "What worked on this request has ended and is started again. Send it again."
)
"""For a request whose worker has died with it."""

_FULL: Final = "TorchServe has no place for this request. Ask again after Retry-After."
_UNREADABLE: Final = (
    "TorchServe cannot read this request's form. Send the clip as the part `data` of a form, or as "
    "the body with Content-Type: application/octet-stream."
)
_DEFECT: Final = "The service failed on this request. Its log says where."
_OF_A_WORKER: Final = "InternalServerException"
_OF_THE_QUEUE: Final = "ServiceUnavailableException"
_BY_STATUS: Final[dict[int, tuple[wire.ProblemCode, str]]] = {
    400: ("bad_request", "TorchServe cannot make anything of this request."),
    404: (
        "not_found",
        "Clips are answered at /predictions/affect; live sessions, if any, at -live of that.",
    ),
    405: ("method_not_allowed", "Clips are taken by POST."),
}

TOO_LARGE: Final = wire.Problem.of("body_too_large", "Cut the clip, or lower its bit rate.")
_WORDLESS: Final = {413: TOO_LARGE}
"""Refusals that have no body."""


def problem_of(status: int, body: bytes) -> wire.Problem | None:
    """An answer of TorchServe's own as a problem.

    Args:
        status: of the answer.
        body: of the answer.

    Returns:
        None where it is none of those known here, and is to be passed on as it is: `/ping` of a
        service that is ill, 507 for a worker that does not start.
    """
    try:
        said = wire.FrontEndError.model_validate_json(body)
    except ValidationError:
        return _WORDLESS.get(status)
    if said.type == _OF_THE_QUEUE:
        return wire.Problem.of("overloaded", _FULL)
    if status == 500:
        if "Worker died" in said.message:
            return ENDED
        # Any other class was raised by what reads forms: it answers them as if it had failed.
        if said.type == _OF_A_WORKER:
            return wire.Problem.of("internal_error", _DEFECT)
        return wire.Problem.of("bad_request", _UNREADABLE)
    known = _BY_STATUS.get(status)
    return None if known is None else wire.Problem.of(*known)
