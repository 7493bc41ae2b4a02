"""A real service under hostile clips: a short form of what `make torture` does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from affect_client import wire
from affect_serving.door import Door
from affect_serving.server import LocalServer
from ports import free_ports
from torture.bodies import bodies
from torture.corpus import FAMILIES
from torture.corpus.written import written
from torture.hostile import DEADLINE_S, torture
from torture.judged import Judged, judge

CLIPS = 6 * len(FAMILIES)


@pytest.fixture(scope="module")
def impatient(small_store: Path) -> Iterator[LocalServer]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AFFECT_LIMITS__MAX_WALL_S", str(DEADLINE_S))
        with LocalServer(small_store, free_ports()) as running:
            yield running


def test_every_answer_is_the_contracts_and_the_worker_stays(
    impatient: LocalServer, tmp_path: Path
) -> None:
    report = torture(impatient, tmp_path, seed=2, count=CLIPS, at_once=4, until=math.inf)
    assert report.faults == []
    assert report.answers == CLIPS
    # Or none of it might have been worked on.
    assert sum(n for (_, outcome), n in report.outcomes.items() if outcome == "answered") > 10
    assert report.peak_mib > 100


UNREADABLE = {
    "an empty boundary",
    "a boundary of 10,000 letters",
    "no disposition",
    "no name",
    "an empty name",
    "base64 that is none",
    "an unknown encoding",
    "an unknown charset",
    "an urlencoded form that is the clip",
}
"""Forms that TorchServe cannot read. It answers by itself, and no worker hears of it."""


@pytest.fixture
def before_it(impatient: LocalServer) -> Iterator[str]:
    """The URL of a door before the service, as `affect-serve run` has one."""
    port = free_ports(1)
    door = Door("127.0.0.1", port, behind=httpx.URL(impatient.inference_url).port or 0)
    door.open()
    yield f"http://127.0.0.1:{port}/predictions/affect"
    door.close(0)


@pytest.mark.parametrize(
    ("method", "path", "size", "code"),
    [
        ("POST", "/predictions/nobody", 9, "not_found"),
        ("POST", "/nowhere", 9, "not_found"),
        ("POST", "/predictions/affect", (256 << 20) + 1, "body_too_large"),
    ],
)
def test_what_torchserve_refuses_by_itself_is_a_problem(
    before_it: str, method: str, path: str, size: int, code: str
) -> None:
    url = httpx.URL(before_it).copy_with(path=path)
    binary = {"content-type": "application/octet-stream"}
    answer = httpx.request(method, url, content=bytes(size), headers=binary, timeout=60)
    problem = wire.Problem.model_validate_json(answer.content)
    assert (problem.code, problem.status) == (code, answer.status_code)
    assert answer.headers["content-type"] == wire.PROBLEM_MEDIA_TYPE


def test_bodies_that_are_no_well_made_forms(impatient: LocalServer, before_it: str) -> None:
    clip = written("mp4", "mpeg4")
    workers = impatient.worker_pids()
    for name, headers, content in bodies(clip):
        answer = httpx.post(before_it, headers=headers, content=content, timeout=DEADLINE_S)
        judged = judge(answer)
        assert judged.fault == "", name
        if not name.startswith("damaged"):
            assert (judged.outcome == "bad_request") == (name in UNREADABLE), name
    sent = httpx.post(before_it, files={"data": clip}, timeout=DEADLINE_S)
    assert judge(sent).outcome == "answered"
    assert impatient.worker_pids() == workers


def answer(status: int, kind: str, body: str) -> httpx.Response:
    return httpx.Response(status, headers={"content-type": kind}, text=body)


def problem(code: wire.ProblemCode) -> str:
    return wire.Problem.of(code, "why").model_dump_json()


PROBLEM = wire.PROBLEM_MEDIA_TYPE


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (answer(422, PROBLEM, problem("undecodable_clip")), Judged("undecodable_clip")),
        (answer(200, PROBLEM, problem("undecodable_clip")), None),
        (answer(500, PROBLEM, problem("internal_error")), None),
        (answer(503, PROBLEM, problem("overloaded")), None),
        (answer(422, "application/json", problem("undecodable_clip")), None),
        (answer(413, PROBLEM, problem("undecodable_clip")), None),
        (answer(500, "application/json", '{"code": 500}'), None),
        (answer(200, "application/json", "{}"), None),
        (answer(200, "application/x-ndjson", "{}"), None),
    ],
)
def test_what_is_not_the_contracts_is_a_fault(found: httpx.Response, judged: Judged | None) -> None:
    if judged is None:
        assert judge(found).fault
    else:
        assert judge(found) == judged
