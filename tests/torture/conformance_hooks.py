"""What schemathesis cannot know: clips, few sessions, the lines of a stream; and a tally.

Schemathesis loads this file by itself, in a process of its own.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.transport.serialization import Binary

import clips
from affect_client import openapi

SESSIONS: Final = 8
"""TorchServe keeps a place for each name for a while, and has few."""
SESSION: Final = "ts_request_sequence_id"
TALLY: Final = "AFFECT_CONFORMANCE_TALLY"
ALONE: Final = "AFFECT_CONFORMANCE_ALONE"
_lock: Final = threading.Lock()


@cache
def known_clips() -> tuple[bytes, ...]:
    """Short ones, good and bad."""
    whole = clips.remux(clips.carphone(), movflags="faststart")
    return (clips.portrait_pan(0.4), clips.truncated(whole, 0.3), clips.audio_only())


schemathesis.openapi.format(
    "binary",
    st.one_of(st.deferred(lambda: st.sampled_from(known_clips())), st.binary()).map(Binary),
)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Few names of sessions, so that what is tested is not the number of places."""
    headers = case.headers or {}
    name = str(headers.get(SESSION) or "")
    # Schemathesis loads hooks more than once, and calls all of them.
    if name and not name.startswith("conformance-"):
        headers[SESSION] = f"conformance-{zlib.crc32(name.encode()) % SESSIONS}"


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """TorchServe by itself takes a session without a name; the gateway refuses it.

    It makes up a name, or has no worker for it.
    """
    alone = os.environ.get(ALONE) == "1"
    unnamed = case.operation.path.endswith("affect-live") and SESSION not in (case.headers or {})
    return not (alone and unnamed and response.status_code in {200, 503})


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """A line for each answer."""
    kind = (response.headers.get("content-type") or ["-"])[0].partition(";")[0]
    line = [case.id, case.operation.label, response.status_code, kind]
    with _lock, Path(os.environ[TALLY]).open("a", encoding="utf-8") as tally:
        tally.write(json.dumps(line) + "\n")


@cache
def _line_validator() -> jsonschema.Draft202012Validator:
    document = openapi.document()
    schema = {"$ref": "#/components/schemas/StreamLine", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


@schemathesis.check
def lines_of_streams(context: Any, response: Any, case: Any) -> None:
    """Every line is one of the document's; the first is the clip, the last ends the stream."""
    kind = (response.headers.get("content-type") or ["-"])[0]
    if not kind.startswith("application/x-ndjson"):
        return
    lines = [json.loads(line) for line in response.content.splitlines()]
    wrong = [error.message for line in lines for error in _line_validator().iter_errors(line)]
    types = [line["type"] for line in lines]
    if wrong or types[:1] != ["clip"] or types[-1] not in {"summary", "error"}:
        message = f"{wrong[:1]} in a stream of {types}"
        raise Failure(operation=case.operation.label, title="Not a stream", message=message)
