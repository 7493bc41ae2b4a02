"""TorchServe's rows -> clips with options.

A row maps part names to values: `{"data": ..., "options": ...}` for multipart, `{"body": ...}`
for a raw body, and query parameters beside them. Values are bytearray, or str or parsed JSON
where TorchServe decoded them by their content type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from affect_client.wire import LiveOptions, PredictOptions, ProblemCode

OptionsT = TypeVar("OptionsT", PredictOptions, LiveOptions)


class RequestError(Exception):
    """A request that holds no clip we can work on; carries the contract's code."""

    def __init__(self, code: ProblemCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """One upload: the clip's bytes and what is wanted from it."""

    data: bytes | bytearray
    options: PredictOptions


_HOW = "Send it as the multipart part 'data', or as the raw body: curl -T clip.mp4 URL"


def parse_request(row: Mapping[str, Any], max_body_bytes: int) -> ClipRequest:
    """The clip and options of one row.

    Raises:
        RequestError: `empty_body`, `body_too_large`, `undecodable_clip` for a body that is
            not a file, or `invalid_options`.
    """
    unknown = set(row) - {"data", "body", "options"}
    if unknown and not ("data" in row or "body" in row):
        raise RequestError(
            "empty_body",
            f"The request has {len(unknown)} part(s), none of them named 'data'. {_HOW}. "
            "With curl --data-binary, add -H 'Content-Type: application/octet-stream'.",
        )
    if unknown:
        raise RequestError(
            "invalid_options",
            f"{len(unknown)} part(s) or query parameter(s) are not known here. "
            "Only 'data' and 'options' are; put options into 'options' as JSON.",
        )
    data = row.get("data", row.get("body"))
    if data is None or (isinstance(data, Sized) and len(data) == 0):
        raise RequestError("empty_body", f"The clip is empty. {_HOW}.")
    if not isinstance(data, bytes | bytearray):
        raise RequestError(
            "undecodable_clip",
            f"The clip arrived as text or JSON and not as a file. {_HOW}, with the file's own "
            "content type or application/octet-stream.",
        )
    if len(data) > max_body_bytes:
        raise RequestError(
            "body_too_large",
            f"The clip has {len(data)} bytes; the limit is {max_body_bytes}. "
            "Cut it or lower its bit rate.",
        )
    return ClipRequest(data, parse_options(PredictOptions, row.get("options")))


def body_bytes(row: Mapping[str, Any]) -> int:
    """Of all parts of a row that came as bytes."""
    return sum(len(value) for value in row.values() if isinstance(value, bytes | bytearray))


def parse_options(model: type[OptionsT], value: Any) -> OptionsT:
    """The part `options`, as JSON; None is a part that was not sent.

    Raises:
        RequestError: `invalid_options`. It quotes nothing that was sent but names of options.
    """
    if value is None:
        text: str | bytes = "{}"
    elif isinstance(value, str):
        text = value
    elif isinstance(value, bytes | bytearray):
        text = bytes(value)
    else:
        text = json.dumps(value)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        known = ", ".join(model.model_fields)
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}"
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise RequestError(
            "invalid_options", f"{problems[:500]}. Options are JSON; known: {known}."
        ) from None
