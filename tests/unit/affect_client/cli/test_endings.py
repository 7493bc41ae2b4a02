from __future__ import annotations

import pytest

import affect_client
from affect_client import AffectError, errors, refusals
from affect_client.cli.endings import Ending, ending_of, record, sentence
from affect_client.refusals import BY_CODE, BY_STATUS

KINDS = [
    kind
    for name in affect_client.__all__
    if isinstance(kind := getattr(affect_client, name), type) and issubclass(kind, AffectError)
]
R, U, N, L, B = Ending.REFUSED, Ending.USAGE, Ending.NO_SERVER, Ending.LATE, Ending.BROKEN
PINNED = {
    "SettingsError": U, "TrackError": R, "ClientClosedError": R, "SessionClosedError": R,
    "PictureError": R, "ClipFileError": R, "ClipNotFoundError": R, "ClipIsFolderError": R,
    "EmptyClipError": R, "UnreadableClipError": R, "ClipChangedError": R,
    "UnreachableError": N, "ConnectTimeoutError": N, "ConnectionLostError": N,
    "WaitError": L, "PoolTimeoutError": L, "UploadTimeoutError": L, "AnswerTimeoutError": L,
    "StalledError": L, "DeadlineError": L, "NotAffectlineError": N, "BrokenAnswerError": B,
    "BrokenStreamError": B, "UnexpectedAnswerError": B,
    "BadRequestError": R, "EmptyBodyError": R, "AuthenticationError": N,
    "PermissionDeniedError": N, "NotFoundError": N, "MethodNotAllowedError": N,
    "MisdirectedError": N,
    "RequestTimeoutError": L, "ConflictError": R, "UnknownSessionError": R, "TooLargeError": R,
    "ClipTooLongError": R, "FrameTooLargeError": R, "BodyTooLargeError": R,
    "UnprocessableError": R, "InvalidOptionsError": R, "UndecodableClipError": R,
    "NoVideoStreamError": R, "RateLimitedError": L, "ServerError": B, "InternalServerError": B,
    "BadGatewayError": N, "UnavailableError": L, "OverloadedError": L, "GatewayTimeoutError": L,
    "DeadlineExceededError": L, "WorkerDiedError": L,
    "AffectError": R, "NoAnswerError": R, "StatusError": R,
}  # fmt: skip
"""What scripts rely on."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_its_exit_status(kind: type[AffectError]) -> None:
    assert ending_of(kind("x")) == PINNED[kind.__name__]


@pytest.mark.parametrize(("status", "ending"), [(418, R), (451, R), (501, B), (599, B)])
def test_other_statuses_go_by_their_hundreds(status: int, ending: Ending) -> None:
    error = errors.StatusError("x")
    error.status = status
    assert ending_of(error) == ending


@pytest.mark.parametrize("kind", [*BY_CODE.values(), *BY_STATUS.values(), *KINDS])
def test_nothing_is_said_in_python(kind: type[AffectError]) -> None:
    told = "" if issubclass(kind, errors.ClipFileError) else kind.advice
    said = sentence(kind(f"Something. {told}"))
    for word in ("base_url", "api_key", "deadline_s", "sample_fps", "start_s", "end_s", "Timeouts.",
                 "models()", "predict_many", "retry_after_s"):  # fmt: skip
        assert word not in said


def test_paths_stay_as_they_are() -> None:
    said = sentence(errors.ClipNotFoundError("There is no file 'api_key'."))
    assert said.startswith("There is no file 'api_key'. Check the path")


def test_advice_is_given_once_and_the_service_s_own_is_enough() -> None:
    error = refusals.AuthenticationError(
        "Refused. Set api_key or AFFECT_API_KEY; a key may have expired."
    )
    assert sentence(error).count("AFFECT_API_KEY") == 1
    problem = refusals.UndecodableClipError(
        "No video; convert it. (422 undecodable_clip, request r)"
    )
    assert sentence(problem) == "No video; convert it. (422 undecodable_clip, request r)"


def test_a_failure_for_machines() -> None:
    error = refusals.UndecodableClipError("No video.")
    error.request_id = "r"
    assert record(error) == {
        "kind": "UndecodableClipError",
        "message": "No video.",
        "exit_status": 1,
        "status": 422,
        "request_id": "r",
        "code": "undecodable_clip",
    }
    broken = errors.BrokenAnswerError("Cut off.")
    broken.status, broken.request_id = 200, "r"
    assert sentence(broken).startswith("Cut off. (status 200, request r)")
    assert set(record(errors.DeadlineError("x"))) == {"kind", "message", "exit_status"}
