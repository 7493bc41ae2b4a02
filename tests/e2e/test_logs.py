"""All that a real TorchServe writes about what it is sent."""

from __future__ import annotations

import re
import time
from pathlib import Path
from uuid import uuid4

import httpx

import clips
from affect_client import wire
from affect_serving.server import LIVE_MODEL, LocalServer
from live_steps import encoded, headers, png, sampled
from logged import Line

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GATEWAY = "0123456789abcdef0123456789abcdef"
SECRET = "s3cr3t"


def log_files(server: LocalServer) -> str:
    """All text files that the run folder holds: TorchServe writes nothing elsewhere."""
    texts = [
        path.read_text(errors="replace")
        for path in Path(server.run_folder).rglob("*")
        if path.is_file() and path.suffix in {".log", ".txt", ".json", ""}
    ]
    return "\n".join(texts)


def lines(server: LocalServer, wanted: set[str]) -> dict[str, Line]:
    """The lines of these requests; they are written after their answers."""
    deadline = time.monotonic() + 60
    while True:
        log = (server.run_folder / "torchserve.log").read_text(errors="replace")
        found = [Line.model_validate_json(each) for each in log.splitlines() if each[:1] == "{"]
        by_id = {line.request_id: line for line in found}
        if wanted <= set(by_id):
            assert len(by_id) == len(found), "a request has two lines"
            return by_id
        assert time.monotonic() < deadline, wanted - set(by_id)
        time.sleep(0.2)


def post(
    server: LocalServer, data: bytes, more: dict[str, str] | None = None, *, stream: bool = False
) -> httpx.Response:
    return httpx.post(
        f"{server.inference_url}/predictions/affect?{SECRET}=1",
        files={"data": (f"{SECRET}.mp4", data)},
        data={"options": '{"stream": true}' if stream else "{}"},
        headers={"cookie": SECRET, "user-agent": SECRET, **(more or {})},
        timeout=120,
    )


def live(server: LocalServer) -> httpx.Response:
    frame = sampled(clips.carphone(), 1)[0]
    return httpx.post(
        f"{server.inference_url}/predictions/{LIVE_MODEL}",
        headers={**headers(f"{SECRET}-{uuid4()}", start=True, end=True), "cookie": SECRET},
        files={
            "frame0": (f"{SECRET}.png", png(frame)),
            "options": ("options", bytes(encoded({"times_s": [0.0]}))),
        },
        timeout=120,
    )


def test_a_line_for_each_request_and_nothing_of_it_besides(live_server: LocalServer) -> None:
    trace = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-request-id": GATEWAY}
    good = post(live_server, clips.portrait_pan(), trace)
    streamed = post(live_server, clips.portrait_pan(), stream=True)
    bad = post(live_server, f"{SECRET} is no clip".encode(), {"traceparent": SECRET})
    wrong = httpx.post(
        f"{live_server.inference_url}/predictions/affect",
        files={"data": (SECRET, clips.portrait_pan())},
        data={"options": f'{{"{SECRET}": 1}}'},
        timeout=120,
    )
    alive = live(live_server)
    answers = {a.headers["x-request-id"]: a for a in (good, streamed, bad, wrong, alive)}
    found = lines(live_server, set(answers))
    outcomes = {a.headers["x-request-id"]: "ok" for a in (good, streamed, alive)}
    outcomes[bad.headers["x-request-id"]] = "undecodable_clip"
    outcomes[wrong.headers["x-request-id"]] = "invalid_options"
    assert {name: found[name].outcome for name in answers} == outcomes
    assert found[alive.headers["x-request-id"]].event == "live"
    told = found[good.headers["x-request-id"]]
    assert (told.trace_id, told.span_id, told.gateway_request_id) == (TRACE, SPAN, GATEWAY)
    assert good.headers["traceparent"] == trace["traceparent"]
    assert "traceparent" not in bad.headers
    log = log_files(live_server)
    assert told.request_id in log
    assert SECRET not in log
    answer = wire.Prediction.model_validate_json(good.content)
    values = [f"{v:.6f}" for f in answer.frames for v in (f.faces[0].arousal, f.faces[0].valence)]
    assert [value for value in values if value.rstrip("0") in log] == []


def test_health_checks_that_went_well_are_not_logged(live_server: LocalServer) -> None:
    for url in (f"{live_server.inference_url}/ping", live_server.metrics_url):
        assert httpx.get(url, timeout=30).status_code == 200
    assert httpx.get(f"{live_server.inference_url}/nowhere", timeout=30).status_code == 404
    deadline = time.monotonic() + 30
    while "GET /nowhere" not in (log := log_files(live_server)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert re.findall(r"GET /(?:ping|metrics)\S* HTTP/1.1\" 200", log) == []
