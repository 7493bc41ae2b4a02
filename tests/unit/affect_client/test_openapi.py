"""The OpenAPI document says what the models say, and a validator of others takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from affect_client import openapi, wire
from report_answers import two_tracks

DOCUMENT = openapi.document()
LINES: list[dict[str, Any]] = [
    {"type": "clip", "model": two_tracks().model, "clip": two_tracks().clip, "sample_fps": 5},
    {"type": "summary", "clip": two_tracks().clip, "tracks": [], "timing_s": two_tracks().timing_s},
    {"type": "error", "problem": wire.Problem.of("deadline_exceeded", "Too late.")},
]


def plain(value: Any) -> Any:
    """As it crosses HTTP."""
    return json.loads(json.dumps(value, default=lambda model: model.model_dump(mode="json")))


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def responses() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, status and response of every operation."""
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                name = response.get("$ref", "").rpartition("/")[2]
                yield path, status, DOCUMENT["components"]["responses"][name] if name else response


def test_it_is_an_openapi_3_1_document() -> None:
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)
    broken = {**DOCUMENT, "paths": {"/ping": {"get": {"responses": {"200": {}}}}}}
    with pytest.raises(OpenAPIValidationError):
        validate(broken, cls=OpenAPIV31SpecValidator)


def test_its_text_is_the_document() -> None:
    assert json.loads(openapi.text()) == DOCUMENT


@pytest.mark.parametrize("code", wire.PROBLEMS)
def test_every_problem_is_at_its_status_with_a_schema_that_takes_it(code: wire.ProblemCode) -> None:
    problem = wire.Problem.of(code, "What to do.", extension=1)
    media = DOCUMENT["components"]["responses"][str(problem.status)]["content"]
    told = {**media[wire.PROBLEM_MEDIA_TYPE]["schema"], "components": DOCUMENT["components"]}
    jsonschema.validate(plain(problem), told)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**plain(problem), "status": 499}, told)
    other = next(each for each in wire.PROBLEMS if wire.PROBLEMS[each][0] != problem.status)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**plain(problem), "code": other}, told)


def test_every_status_has_a_body_and_the_request_s_id() -> None:
    for path, status, response in responses():
        assert response["content"], (path, status)
        assert "X-Request-Id" in response["headers"], (path, status)
        assert response["description"].endswith("."), (path, status)
    for status in ("429", "502", "503"):
        assert "Retry-After" in DOCUMENT["components"]["responses"][status]["headers"]


def test_only_live_sessions_can_be_unknown() -> None:
    told = {path: {s for p, s, _ in responses() if p == path} for path in DOCUMENT["paths"]}
    assert [path for path, statuses in told.items() if "409" in statuses] == [
        "/predictions/affect-live"
    ]
    statuses = {str(status) for status, _ in wire.PROBLEMS.values()}
    assert statuses <= told["/predictions/affect-live"]
    assert statuses - {"409"} <= told["/predictions/affect"]


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({}, True),
        ({"sample_fps": 30, "faces": "all", "end_s": None, "stream": True}, True),
        ({"sample_fps": 0}, False),
        ({"sample_fps": 31}, False),
        ({"faces": "none"}, False),
        ({"start_s": -1}, False),
        ({"stream": "yes"}, False),
        ({"fps": 3}, False),
    ],
)
def test_options_are_the_contract_s(options: dict[str, Any], good: bool) -> None:
    validator = jsonschema.Draft202012Validator(schema("PredictOptions"))
    assert validator.is_valid(options) is good
    parts = DOCUMENT["paths"]["/predictions/affect"]["post"]["requestBody"]["content"]
    known = parts["multipart/form-data"]["schema"]["properties"]
    assert known["options"] == {"$ref": "#/components/schemas/PredictOptions"}


def test_answers_and_lines_of_streams_are_taken_and_others_are_not() -> None:
    whole = jsonschema.Draft202012Validator(schema("Prediction"))
    assert whole.is_valid(plain(two_tracks()))
    assert not whole.is_valid({**plain(two_tracks()), "frames": None})
    line = jsonschema.Draft202012Validator(schema("StreamLine"))
    for each in LINES:
        assert line.is_valid(plain(each)), each["type"]
        assert not line.is_valid({**plain(each), "type": "other"})
    frames = [{"type": "frame", **frame} for frame in plain(two_tracks())["frames"]]
    assert frames
    assert all(line.is_valid(frame) for frame in frames)


def test_the_gateway_s_paths_and_no_others_are_in_it() -> None:
    told = {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert told == {
        ("post", "/predictions/affect"),
        ("post", "/predictions/affect-live"),
        ("get", "/ping"),
        ("get", "/openapi.json"),
        ("options", "/"),
    }
