"""What a server refuses with: one class a status, and below them one a problem code.

    400 BadRequestError             EmptyBodyError
    401 AuthenticationError
    403 PermissionDeniedError
    404 NotFoundError
    405 MethodNotAllowedError
    408 RequestTimeoutError
    409 ConflictError               UnknownSessionError
    413 TooLargeError               ClipTooLongError FrameTooLargeError BodyTooLargeError
    421 MisdirectedError
    422 UnprocessableError          InvalidOptionsError UndecodableClipError NoVideoStreamError
    429 RateLimitedError
    500 ServerError                 InternalServerError
    502 BadGatewayError
    503 UnavailableError            OverloadedError
    504 GatewayTimeoutError         DeadlineExceededError
    507 WorkerDiedError

Another status is a `StatusError`; a code of a newer server has the class of its status.
"""

from __future__ import annotations

from typing import Final

from affect_client.errors import StatusError


class BadRequestError(StatusError):
    """400: not a request that can be understood."""

    status = 400
    advice = "Correct the request."


class AuthenticationError(StatusError):
    """401: a gateway or TorchServe wants a key, or another one."""

    status = 401
    advice = "Set api_key or AFFECT_API_KEY; a key may have expired."


class PermissionDeniedError(StatusError):
    """403: this key may not do that."""

    status = 403
    advice = "Ask the server's operator for access."


class NotFoundError(StatusError):
    """404: no such model or path there."""

    status = 404
    advice = "Check the URL's port, and with models() what is served."


class MethodNotAllowedError(StatusError):
    """405: the path is there, for other requests."""

    status = 405
    advice = "Check the URL's port: inference, management and metrics are three."


class RequestTimeoutError(StatusError):
    """408: the server waited too long for the request, or for its model."""

    status = 408
    advice = "Try again, and look at what the server is busy with."


class ConflictError(StatusError):
    """409: at odds with the state there."""

    status = 409
    advice = "Ask for the state there first."


class TooLargeError(StatusError):
    """413: more than the server takes."""

    status = 413
    advice = "Cut the clip or lower its bit rate; the front end takes 256 MiB unless set otherwise."


class MisdirectedError(StatusError):
    """421: a gateway that does not go by this host name."""

    status = 421
    advice = "Check the host name in base_url."


class UnprocessableError(StatusError):
    """422: understood, and not possible."""

    status = 422
    advice = "Correct what the detail names."


class RateLimitedError(StatusError):
    """429: more requests than the gateway allows."""

    status = 429
    advice = "Ask less often; retry_after_s says when."


class ServerError(StatusError):
    """500: a defect there."""

    status = 500
    advice = "Look into the server's log for the request id."


class BadGatewayError(StatusError):
    """502: the gateway cannot reach the server."""

    status = 502
    advice = "Wait until the server is up."


class UnavailableError(StatusError):
    """503: starting, or too many clips wait already."""

    status = 503
    advice = "Try again later, or run more workers."


class GatewayTimeoutError(StatusError):
    """504: the server took too long."""

    status = 504
    advice = "Cut the clip, or try when less is going on."


class WorkerDiedError(StatusError):
    """507: the model's worker died with the request; TorchServe starts another."""

    status = 507
    advice = "Try again in a minute; look into the server's log for memory."


class EmptyBodyError(BadRequestError):
    """`empty_body`: no clip arrived."""

    code = "empty_body"
    advice = "Send a clip."


class InvalidOptionsError(UnprocessableError):
    """`invalid_options`: the server does not take these options."""

    code = "invalid_options"
    advice = "Correct the options."


class UndecodableClipError(UnprocessableError):
    """`undecodable_clip`: no video that can be decoded."""

    code = "undecodable_clip"
    advice = "Check that the file plays; convert it to H.264 in MP4."


class NoVideoStreamError(UnprocessableError):
    """`no_video_stream`: sound alone, say."""

    code = "no_video_stream"
    advice = "Send a file with video."


class ClipTooLongError(TooLargeError):
    """`clip_too_long`: above the server's seconds or samples."""

    code = "clip_too_long"
    advice = "Cut the clip, lower sample_fps, or ask for a part with start_s and end_s."


class FrameTooLargeError(TooLargeError):
    """`frame_too_large`: above the server's pixels."""

    code = "frame_too_large"
    advice = "Scale the clip down."


class BodyTooLargeError(TooLargeError):
    """`body_too_large`: above the server's bytes."""

    code = "body_too_large"
    advice = "Cut the clip or lower its bit rate."


class UnknownSessionError(ConflictError):
    """`unknown_session`: expired, ended, or never begun."""

    code = "unknown_session"
    advice = "Open a new session, and send more often than the server's idle time."


class OverloadedError(UnavailableError):
    """`overloaded`: the server is busy."""

    code = "overloaded"


class DeadlineExceededError(GatewayTimeoutError):
    """`deadline_exceeded`: the clip, with those beside it, took the server too long."""

    code = "deadline_exceeded"


class InternalServerError(ServerError):
    """`internal_error`: a defect of the server's, on this clip."""

    code = "internal_error"
    advice = "Report it with the request id; trying again will not help."


def _family(base: type[StatusError]) -> list[type[StatusError]]:
    return [each for child in base.__subclasses__() for each in (child, *_family(child))]


BY_STATUS: Final = {kind.status: kind for kind in _family(StatusError) if kind.code is None}
"""The class of every status that is told apart; others are `StatusError` itself."""

BY_CODE: Final = {kind.code: kind for kind in _family(StatusError) if kind.code is not None} | {
    # A gateway's codes say no more than their statuses.
    "bad_request": BadRequestError,
    "unauthorized": AuthenticationError,
    "forbidden": PermissionDeniedError,
    "not_found": NotFoundError,
    "method_not_allowed": MethodNotAllowedError,
    "misdirected_request": MisdirectedError,
    "too_many_requests": RateLimitedError,
    "bad_gateway": BadGatewayError,
    "gateway_timeout": GatewayTimeoutError,
}
"""The class of every problem code."""
