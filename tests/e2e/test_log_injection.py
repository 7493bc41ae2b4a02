"""Whatever a client writes, the log stays one line of JSON a clip, and no terminal obeys it."""

from __future__ import annotations

import re
import time
import unicodedata
from pathlib import Path

import pytest

import clips
from affect_serving.server import LIVE_MODEL, LocalServer
from live_steps import encoded, jpeg
from logged import Line
from raw_requests import multipart, request, send

FORGED = b'{"event":"clip","outcome":"forged"}'
RED = b"\x1b[31mforged\x1b[2J\x07\x9b"
BREAKS = (b"\r\n", b"\n", b"\r", b"%0d%0a", b"%0A", b"\x0b", b"\x85", b"\xe2\x80\xa8", b"\\n")
AFFECT = b"/predictions/affect"
LIVE = f"/predictions/{LIVE_MODEL}".encode()
COMMANDS = {"Cc", "Zl", "Zp"}
"""Categories of characters that end a line or command a terminal."""


def attacks() -> dict[str, list[bytes]]:
    """Requests by the place that carries the attack."""
    clip = clips.portrait_pan(0.2)
    form, form_type = multipart([(b'name="data"; filename="c.mp4"', clip)])
    texts = [FORGED, RED, *(b"x" + each + FORGED for each in BREAKS)]
    header_texts = [RED, FORGED, *(b"x" + each + FORGED for each in BREAKS[3:])]
    names = (b"traceparent", b"x-request-id", b"user-agent", b"cookie", b"describe")
    named = [(name, text) for name in names for text in header_texts]
    folded = [b"traceparent: x\r\n " + FORGED, b"x-y: z\r\n\t" + RED]
    parts = [
        multipart([(place % text, clip)])
        for place in (b'name="data"; filename="%s"', b'name="%s"')
        for text in texts
    ]
    options = [multipart([(b'name="data"', clip), (b'name="options"', each)]) for each in texts]
    picture = jpeg(clips.decoded(clip)[0])
    frame = (b'name="frame0"; filename="f"', picture)
    timed = multipart([frame, (b'name="options"', bytes(encoded({"times_s": [0.0]})))])
    session = [b"ts_request_sequence_id: " + each for each in header_texts]
    brackets = [b"ts_request_sequence_start: true", b"ts_request_sequence_end: true"]
    return {
        "header": [
            request(AFFECT, form, [n + b": " + t], content_type=form_type) for n, t in named
        ],
        "folded header": [request(AFFECT, form, [h], content_type=form_type) for h in folded],
        "part": [request(AFFECT, body, content_type=kind) for body, kind in parts],
        "options": [request(AFFECT, body, content_type=kind) for body, kind in options],
        "query": [request(AFFECT + b"?a=" + t, clip) for t in texts],
        "path": [request(b"/predictions/" + t, clip) for t in texts],
        "other path": [request(b"/" + t, method=b"GET") for t in texts],
        "method": [request(AFFECT, clip, method=t) for t in texts],
        "content type": [request(AFFECT, clip, content_type=t) for t in header_texts],
        "clip": [request(AFFECT, t * 9) for t in texts],
        "session": [
            request(LIVE, timed[0], [h, *brackets], content_type=timed[1]) for h in session
        ],
        "request line": [t + b"\r\n\r\n" for t in texts],
    }


ATTACKS = attacks()


def log_of(server: LocalServer) -> bytes:
    return (Path(server.run_folder) / "torchserve.log").read_bytes()


@pytest.mark.parametrize("place", ATTACKS)
def test_the_log_stays_one_line_of_json_a_clip(place: str, live_server: LocalServer) -> None:
    before = len(log_of(live_server))
    ids: list[bytes] = []
    for attack in ATTACKS[place]:
        answer = send(live_server.addresses.port, attack)
        ids += re.findall(
            rb"(?mi)^x-request-id: ([0-9a-f-]{36})\r$", answer.partition(b"\r\n\r\n")[0]
        )
    written = settled(live_server, before).decode(errors="replace")
    lines = written.split("\n")
    assert [line for line in lines if any(unicodedata.category(c) in COMMANDS for c in line)] == []
    told = [Line.model_validate_json(line) for line in lines if line[:1] == "{"]
    assert {line.outcome for line in told} & {"forged"} == set()
    assert len({line.request_id for line in told}) == len(told)
    assert {line.request_id for line in told} <= {each.decode() for each in ids}
    assert not any(
        line.lstrip().startswith(FORGED[:16].decode()) for line in lines if "forged" in line
    )
    if place in {"header", "part", "options", "clip", "session"}:
        assert len(told) > 0


def settled(server: LocalServer, before: int) -> bytes:
    """What the log has gained, once it has stopped growing."""
    deadline = time.monotonic() + 20
    size = -1
    while size != len(log_of(server)) and time.monotonic() < deadline:
        size = len(log_of(server))
        time.sleep(1)
    return log_of(server)[before:]
