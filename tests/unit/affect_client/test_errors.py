from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import get_args

import pytest

from affect_client import errors, refusals, wire
from affect_client._answers import Head, problem_error, unexpected
from affect_client.errors import AffectError, NotAffectlineError, StatusError

LEAVES = [
    kind
    for module in (errors, refusals)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, AffectError) and kind.__module__ == module.__name__
]
BASES = {
    errors.AffectError,
    errors.ClipFileError,
    errors.NoAnswerError,
    errors.WaitError,
    errors.UnexpectedAnswerError,
}


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_can_be_copied_and_pickled_with_what_it_carries(
    kind: type[AffectError],
) -> None:
    error = kind("Something happened.")
    error.note = "Not tried again."
    if isinstance(error, StatusError):
        error.problem = {"limit": 3}
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert type(twin) is kind
        assert str(twin) == "Something happened. Not tried again."
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_says_what_to_do(kind: type[AffectError]) -> None:
    assert kind in BASES or len(kind.advice.split()) >= 3


def test_the_trees_at_the_top_of_the_files_hold_every_class() -> None:
    for module in (errors, refusals):
        own = {k.__name__ for k in LEAVES if k.__module__ == module.__name__}
        assert module.__doc__ is not None
        drawn = set(re.findall(r"\b[A-Z]\w*Error\b", module.__doc__))
        assert drawn - {"ValueError", "StatusError"} == own - {"StatusError"}


def test_every_problem_code_has_a_class_below_that_of_its_status() -> None:
    assert set(refusals.BY_CODE) == set(get_args(wire.ProblemCode))
    for code, kind in refusals.BY_CODE.items():
        status = wire.PROBLEMS[code][0]  # type: ignore[index]
        assert issubclass(kind, refusals.BY_STATUS[status])
        assert kind.status == status


def test_every_status_that_is_tried_again_has_a_class() -> None:
    from affect_client.retries import RETRIED_STATUSES

    assert set(refusals.BY_STATUS) >= RETRIED_STATUSES


@pytest.mark.parametrize("code", get_args(wire.ProblemCode))
def test_the_contract_s_problems_are_read(code: wire.ProblemCode) -> None:
    told = wire.Problem.of(code, "Do this.", limit_s=1200).model_dump()
    error = problem_error(told, b"{}", "r-1")
    assert type(error) is refusals.BY_CODE[code]
    assert error.status == wire.PROBLEMS[code][0]
    assert (error.code, error.detail, error.request_id) == (code, "Do this.", "r-1")
    assert error.problem == told
    assert str(error) == f"Do this. ({error.status} {code}, request r-1)"


@pytest.mark.parametrize(
    "told",
    [{}, {"status": 422, "detail": "d"}, {"status": "422", "code": "c", "detail": "d"}],
)
def test_what_is_no_problem_of_the_contract_is_told_apart(told: dict[str, object]) -> None:
    assert problem_error(told, b"", None) is None


def test_bodies_are_kept_up_to_a_bound() -> None:
    head = Head("http://x", 200, {})
    assert len(unexpected(NotAffectlineError, head, "m", b"x" * 10**6).body) == 65536
