"""What the package offers, and that both kinds of client offer the same."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import affect_client
from affect_client import (
    AffectClient,
    AsyncAffectClient,
    AsyncEventStream,
    AsyncLiveSession,
    EventStream,
    LiveSession,
)

PAIRS = [
    (AffectClient, AsyncAffectClient),
    (LiveSession, AsyncLiveSession),
    (EventStream, AsyncEventStream),
]
ASYNC_NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
SURFACE = re.findall(
    r"\w+",
    """
AffectClient AffectError AffectResult AnswerTimeoutError AsyncAffectClient AsyncEventStream
AsyncLiveSession AuthenticationError BY_CODE BY_STATUS BadGatewayError BadRequestError
BodyTooLargeError Box BrokenAnswerError BrokenStreamError CallEvent ClientClosedError
ClientMetrics Clip ClipChangedError ClipFileError ClipIsFolderError ClipNotFoundError
ClipOutcome ClipSource ClipTooLongError ConflictError ConnectTimeoutError ConnectionLostError
DeadlineError DeadlineExceededError Detector EmptyBodyError EmptyClipError EventStream Face
Frame FrameTooLargeError GatewayTimeoutError Health InternalServerError InvalidOptionsError
LiveAnswer LiveOptions LiveSession MethodNotAllowedError MisdirectedError ModelDescription ModelInfo
NoAnswerError NoVideoStreamError NotAffectlineError NotFoundError Observer OnUpload
OverloadedError PermissionDeniedError Picture PictureError PoolTimeoutError PredictOptions
Prediction Problem RateLimitedError RequestTimeoutError RetryEvent RetryPolicy Row Sample
ServedModel ServerError ServerMetrics SessionClosedError SettingsError StalledError Statistics
StatusError StreamClip StreamEvent StreamFrame StreamSummary Timeouts Timing TooLargeError Trace
Track TrackError UnavailableError UndecodableClipError UnexpectedAnswerError UnknownSessionError
UnprocessableError UnreachableError UnreadableClipError UploadTimeoutError WaitError Worker
WorkerDiedError result_of
""",
)


def test_the_public_surface() -> None:
    assert sorted(affect_client.__all__) == sorted(SURFACE)
    assert all(hasattr(affect_client, name) for name in SURFACE)


def signatures(kind: type) -> dict[str, list[tuple[str, Any, Any]]]:
    """Public methods: name, kind and default of every parameter."""
    return {
        ASYNC_NAMES.get(name, name): [
            (p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()
        ]
        for name, member in vars(kind).items()
        if inspect.isfunction(member)
        and (not name.startswith("_") or name in {*ASYNC_NAMES, *ASYNC_NAMES.values(), "__init__"})
    }


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_kinds_have_the_same_methods_and_arguments(one: type, other: type) -> None:
    assert signatures(one) == signatures(other)
    properties = [{k for k, v in vars(x).items() if isinstance(v, property)} for x in (one, other)]
    assert properties[0] == properties[1]


def test_arguments_of_clients_have_names_and_are_described() -> None:
    parameters = dict(inspect.signature(AffectClient).parameters)
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    documented = re.findall(r"^ {8}(\w+): ", AffectClient.__doc__ or "", re.MULTILINE)
    assert set(parameters) <= set(documented)
