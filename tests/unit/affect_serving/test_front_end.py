"""What TorchServe says by itself, and what clients are told."""

from __future__ import annotations

import json

import pytest

from affect_serving.front_end import problem_of


def said(code: int, kind: str, message: str = "-") -> bytes:
    return json.dumps({"code": code, "type": kind, "message": message}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "BadRequestException", "bad_request"),
        (404, "ModelNotFoundException", "not_found"),
        (404, "ResourceNotFoundException", "not_found"),
        (405, "MethodNotAllowedException", "method_not_allowed"),
        (500, "ErrorDataDecoderException", "bad_request"),
        (500, "NullPointerException", "bad_request"),
        (500, "InternalServerException", "internal_error"),
        (503, "ServiceUnavailableException", "overloaded"),
    ],
)
def test_each_refusal_has_a_code_and_says_what_to_do(status: int, kind: str, code: str) -> None:
    problem = problem_of(status, said(status, kind))
    assert problem is not None
    assert problem.code == code
    assert len(problem.detail.split()) >= 4


def test_a_body_that_is_too_large_needs_no_words() -> None:
    problem = problem_of(413, b"")
    assert problem is not None
    assert problem.code == "body_too_large"


def test_a_worker_that_died_is_worth_another_try() -> None:
    problem = problem_of(500, said(500, "InternalServerException", "Worker died."))
    assert problem is not None
    assert problem.code == "overloaded"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"status": "Unhealthy"}'),
        (500, b""),
        (404, b"\xff"),
        (404, b"[]"),
        (507, said(507, "InternalServerException")),
        (408, said(408, "RequestTimeoutException")),
    ],
)
def test_what_is_not_known_is_left_as_it_is(status: int, body: bytes) -> None:
    assert problem_of(status, body) is None
