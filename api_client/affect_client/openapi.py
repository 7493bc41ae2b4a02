"""The REST contract as an OpenAPI 3.1 document: `python -m affect_client.openapi`.

Models and problem codes come from `wire`; what stands here is what pydantic does not know of:
paths, headers, media types. `make reference` writes docs/openapi.json, which the gateway serves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from affect_client import wire

Json = dict[str, Any]

_JSON: Final = "application/json"
_NDJSON: Final = "application/x-ndjson"
_BINARY: Final = "application/octet-stream"
_REF: Final = "#/components/schemas/"

_REQUESTS: Final[tuple[type[BaseModel], ...]] = (wire.PredictOptions, wire.LiveOptions)
_STREAM: Final[dict[str, type[BaseModel]]] = {
    "clip": wire.StreamClip,
    "frame": wire.StreamFrame,
    "summary": wire.StreamSummary,
    "error": wire.StreamError,
}
_ANSWERS: Final[tuple[type[BaseModel], ...]] = (
    wire.Prediction,
    wire.LiveAnswer,
    wire.ModelDescription,
    wire.Problem,
    wire.FrontEndError,
    wire.Ping,
    *_STREAM.values(),
)
_FRONT_END: Final = {
    404: "No such model.",
    405: "Not a method of this path.",
    408: "The model's worker did not answer in time.",
    413: "The body is above the front end's own limit.",
    500: "The front end could not parse the body: a form that is none, say.",
    503: "Too many requests wait already, or the model's worker is not there.",
    507: "The model's worker died with the request; another one is started.",
}
"""What TorchServe answers by itself, in words of its own (`FrontEndError`), where it is not
`affect-serve run` that makes problem details of them."""
_STATUSES: Final = frozenset({status for status, _ in wire.PROBLEMS.values()} | set(_FRONT_END))
_OF_THE_MODEL: Final = frozenset(
    {status for code, (status, _) in wire.PROBLEMS.items() if code not in wire.GATEWAY_CODES}
)
_ELSEWHERE: Final = _STATUSES - _OF_THE_MODEL | {400, 413, 503, 504}
"""What the gateway and the front end refuse with, whatever is asked."""
_WAITS: Final = frozenset({429, 502, 503})
"""Statuses that the gateway gives with Retry-After."""


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Affectline",
            "version": version("affectline"),
            "summary": "A video clip of a face in, arousal and valence per frame out.",
            "description": "Errors are problem details (RFC 9457) with a `code`. TorchServe "
            "without `affect-serve run` before it refuses some requests in `application/json` of "
            "another shape (`FrontEndError`). Behind the gateway every path but `/ping` wants a "
            "key.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Who gave this document."}],
        # The first of them is nothing: without a gateway there is no key to send.
        "security": [{}, {"key": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _refusal(status) for status in sorted(_STATUSES)},
            "headers": _RESPONSE_HEADERS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Of the gateway."}
            },
        },
    }


def text() -> str:
    """The document as its file holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _paths() -> Json:
    return {
        "/predictions/affect": {"post": _predict()},
        "/predictions/affect-live": {"post": _live()},
        "/ping": {"get": _ping()},
        "/openapi.json": {"get": _described("openapi", "This document, from the gateway.")},
        "/": {
            "options": _described(
                "describe_api", "This document, from the gateway; TorchServe's own without one."
            )
        },
    }


def _predict() -> Json:
    options = {"$ref": f"{_REF}PredictOptions"}
    parts = {"data": _file("The clip."), "options": options}
    ok = {
        _JSON: {"schema": {"anyOf": [_ref(wire.Prediction), _ref(wire.ModelDescription)]}},
        # OpenAPI 3.1 has no word for the items of a stream; 3.2 calls it itemSchema.
        _NDJSON: {"schema": {"type": "string"}, "x-item-schema": {"$ref": f"{_REF}StreamLine"}},
    }
    return {
        "operationId": "predict",
        "summary": "Arousal and valence of a clip, for every sampled frame and face.",
        "description": "The answer to the header `describe: True` is a `ModelDescription`, "
        "whatever the body. With the option `stream` it is NDJSON, a `StreamLine` each: `clip`, "
        "`frame` ..., then `summary`, or `error`.",
        "parameters": [*_TRACE, _parameter("describe", "`True`: say which model is loaded.")],
        "requestBody": {
            "required": True,
            "content": {
                **_multipart({"properties": parts, "required": ["data"]}, {"data": _BINARY}),
                _BINARY: {"schema": {"description": "The clip, with default options."}},
            },
        },
        "responses": {
            "200": _response("The clip's answer, or its stream.", ok, "traceparent"),
            **_refused(_STATUSES - {wire.PROBLEMS["unknown_session"][0]}),
        },
    }


def _live() -> Json:
    parts = {"data": _file("A short clip."), "options": {"$ref": f"{_REF}LiveOptions"}}
    pictures = {"^frame(0|[1-9][0-9]{0,3})$": _file("JPEG or PNG: `frame0`, `frame1`, ...")}
    named = _parameter("ts_request_sequence_id", "Names the session, in lower case.")
    schema = {"properties": parts, "patternProperties": pictures}
    ok = {_JSON: {"schema": {"anyOf": [_ref(wire.LiveAnswer), _ref(wire.ModelDescription)]}}}
    return {
        "operationId": "live",
        "summary": "The next pictures, or the next short clip, of a live session.",
        "description": "The header `ts_request_sequence_start: true` begins a session and "
        "`ts_request_sequence_end: true` ends it. Either may come without a body.",
        "parameters": [
            {**named, "required": True, "schema": {"type": "string", "minLength": 1}},
            _parameter("ts_request_sequence_start", "`true` begins the session anew."),
            _parameter("ts_request_sequence_end", "`true` ends it after this request."),
            *_TRACE,
            _parameter("describe", "`True`: say which model is loaded."),
        ],
        "requestBody": {"content": _multipart(schema, {"data": _BINARY})},
        "responses": {
            "200": _response("This request's samples.", ok, "traceparent"),
            **_refused(_STATUSES),
        },
    }


def _ping() -> Json:
    ok = {_JSON: {"schema": _ref(wire.Ping)}}
    return {
        "operationId": "ping",
        "summary": "Whether requests would be taken.",
        "description": "Wants no key.",
        "security": [{}],
        "responses": {
            "200": _response("They would.", ok),
            **_refused(_ELSEWHERE),
            "500": _response("No model has a worker.", ok),
        },
    }


def _described(name: str, summary: str) -> Json:
    ok = {_JSON: {"schema": {"type": "object", "required": ["openapi", "paths"]}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _response("An OpenAPI document.", ok), **_refused(_ELSEWHERE)},
    }


def _refused(statuses: Iterable[int]) -> Json:
    return {str(each): {"$ref": f"#/components/responses/{each}"} for each in sorted(statuses)}


def _refusal(status: int) -> Json:
    """Problems of this status, and TorchServe's own words."""
    problems = {code: title for code, (of, title) in wire.PROBLEMS.items() if of == status}
    said = [f"`{code}`: {title}{_by(code)}." for code, title in problems.items()]
    content: Json = {}
    if problems:
        narrowed = {"properties": {"code": {"enum": [*problems]}, "status": {"const": status}}}
        content[wire.PROBLEM_MEDIA_TYPE] = {"schema": {"allOf": [_ref(wire.Problem), narrowed]}}
    if status in _FRONT_END:
        content[_JSON] = {"schema": _ref(wire.FrontEndError)}
        said.append(f"TorchServe itself: {_FRONT_END[status]}")
    extra = ["Retry-After"] if status in _WAITS else []
    extra += ["WWW-Authenticate"] if status == 401 else []
    extra += ["Allow"] if status == 405 else []
    return _response(" ".join(said), content, *extra)


def _by(code: wire.ProblemCode) -> str:
    return " (before the model)" if code in wire.GATEWAY_CODES else ""


def _response(description: str, content: Json, *headers: str) -> Json:
    named = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *headers)}
    return {"description": description, "headers": named, "content": content}


def _multipart(schema: Mapping[str, Any], types: Mapping[str, str]) -> Json:
    encoding = {name: {"contentType": kind} for name, kind in types.items()}
    encoding["options"] = {"contentType": _JSON}
    whole = {"type": "object", **schema, "additionalProperties": False}
    return {"multipart/form-data": {"schema": whole, "encoding": encoding}}


def _file(description: str) -> Json:
    return {"type": "string", "format": "binary", "description": description}


def _parameter(name: str, description: str) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"{_REF}{model.__name__}"}


def _schemas() -> Json:
    """Every model, with what it is made of, by name."""
    pairs: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in _REQUESTS),
        *((model, "serialization") for model in _ANSWERS),
    ]
    _, schemas = models_json_schema(pairs, ref_template=f"{_REF}{{model}}")
    found: Json = schemas["$defs"]
    mapping = {kind: f"{_REF}{model.__name__}" for kind, model in _STREAM.items()}
    found["StreamLine"] = {
        "description": "One line of an NDJSON answer.",
        "oneOf": [_ref(model) for model in _STREAM.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    for model in _STREAM.values():
        # Its lines always say so, and lines of different types must not pass for one another.
        found[model.__name__]["required"].append("type")
    return dict(sorted(found.items()))


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


_TRACE: Final = (
    _parameter("traceparent", "W3C Trace Context; what is none is passed over."),
    _parameter("x-request-id", "The gateway takes it over; the service logs it if it is a UUID."),
)
_RESPONSE_HEADERS: Final = {
    "X-Request-Id": _header("The request's, in the service's log too."),
    "traceparent": _header("As it was sent, where it was one."),
    "Retry-After": _header("Seconds to wait before trying again."),
    "WWW-Authenticate": _header("`Bearer`."),
    "Allow": _header("The path's methods."),
}

if __name__ == "__main__":
    sys.stdout.write(text())
