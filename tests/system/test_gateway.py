"""Clips, streams and live sessions through the gateway, and what it keeps of them: nothing."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

import clips
from affect_client import AffectClient, StreamFrame, openapi, wire
from gateway import Gateway
from live_steps import jpeg
from replicas import Replica

pytestmark = pytest.mark.system

AFFECT = "/predictions/affect"
CARPHONE = ("secret name.mp4", clips.carphone())


def numbers(frames: Iterable[wire.Frame | StreamFrame]) -> list[float]:
    return [
        number
        for frame in frames
        for face in frame.faces
        for number in (frame.time_s, face.arousal, face.valence)
    ]


def test_a_clip_has_the_same_numbers_and_a_stream_comes_line_by_line(
    gateway: Gateway, replicas: tuple[Replica, Replica]
) -> None:
    with AffectClient(base_url=f"http://{replicas[0].address}") as direct:
        expected = numbers(direct.predict(CARPHONE[1]).frames)
    with gateway.http() as http, gateway.client(http) as client:
        assert numbers(client.predict(CARPHONE[1]).frames) == pytest.approx(expected, abs=1e-5)
        with client.stream(CARPHONE[1]) as stream:
            came = [(event, time.monotonic()) for event in stream if isinstance(event, StreamFrame)]
        assert client.health().healthy
        assert client.describe().detector.name
        described = [http.options("/"), http.get("/openapi.json")]
    assert numbers(event for event, _ in came) == pytest.approx(expected, abs=1e-5)
    assert came[-1][1] - came[0][1] > 0.01
    assert [answer.json() for answer in described] == [openapi.document()] * 2
    assert {answer.headers["content-type"] for answer in described} == {"application/json"}
    assert all(answer.headers["x-request-id"] for answer in described)
    assert {line["status"] for line in gateway.lines() if line["route"] != "other"} == {200}


def test_live_sessions_stay_on_their_replica_and_all_replicas_have_some(gateway: Gateway) -> None:
    pictures = [jpeg(frame) for frame in clips.decoded(clips.portrait_pan())[:3]]
    with gateway.http() as http, gateway.client(http) as client:
        sessions: list[set[str]] = []
        # Which one a session's random name leads to is chance: 64 of them never lead to one alone.
        while len(set().union(*sessions)) < 2 and len(sessions) < 64:
            with client.live(fps=5) as session:
                assert all(session.send(picture).faces for picture in pictures)
            lines = [line for line in gateway.lines() if line["route"] == "affect-live"]
            assert {line["status"] for line in lines} == {200}
            # Three pictures and the end, one session after the other.
            sessions = [
                {line["replicas"] for line in lines[k : k + 4]} for k in range(0, len(lines), 4)
            ]
    assert {len(session) for session in sessions} == {1}
    assert len(set().union(*sessions)) == 2


def test_request_ids_are_taken_over_made_and_cleaned(gateway: Gateway) -> None:
    with gateway.http() as http:
        given = http.post(AFFECT, content=b"x", headers={"X-Request-Id": "trace-1.a"})
        made = http.post(AFFECT, content=b"x")
        cleaned = http.post(AFFECT, content=b"x", headers={"X-Request-Id": 'a" b'})
    assert given.headers.get_list("x-request-id") == ["trace-1.a"]
    ids = [answer.headers["x-request-id"] for answer in (given, made, cleaned)]
    assert len(set(ids)) == 3
    assert all(len(each) == 32 for each in ids[1:])
    logged = {line["request_id"]: line for line in gateway.lines()}
    assert all(logged[each]["service_request_id"] for each in ids)
    assert given.json()["code"] == "undecodable_clip"


def test_uploads_wait_in_memory_and_leave_nothing(gateway: Gateway) -> None:
    """The folder that docker/ mounts as a tmpfs is the only one, and is empty afterwards."""
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as plain,
        gateway.tls.wrap_socket(plain, server_hostname="localhost") as sent,
    ):
        head = f"POST {AFFECT}?secret=query HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Authorization: Bearer {gateway.key}\r\nContent-Length: 1000000\r\n\r\n"
        sent.sendall(head.encode() + b"face" * 200_000)
        deadline = time.monotonic() + 10
        while not files(gateway) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(files(gateway)) == 1
    with gateway.http() as http:
        options = {"options": ("secret options", b"{}", "application/json")}
        for query in ("", "?secret=query"):
            answer = http.post(f"{AFFECT}{query}", files={"data": CARPHONE, **options})
            assert answer.status_code == 200
    deadline = time.monotonic() + 10
    while files(gateway) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert files(gateway) == []
    text = gateway.log.read_text()
    assert "secret" not in text
    assert gateway.key not in text
    assert len(gateway.lines()) >= 3


def files(gateway: Gateway) -> list[str]:
    """Uploads that nginx has open. It takes their names away as it makes them."""
    assert [path for path in gateway.uploads.rglob("*") if path.is_file()] == []
    links: list[str] = []
    for worker in psutil.Process(gateway.process.pid).children():
        for link in Path(f"/proc/{worker.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.append(str(link.readlink()))
    return [link for link in links if link.startswith(f"{gateway.uploads}/")]


def test_keys_are_rotated_without_dropping_a_request(gateway: Gateway) -> None:
    old, stop = gateway.key, threading.Event()
    statuses: list[int] = []
    keys = gateway.folder / "site" / "keys.map"
    before = keys.read_text()
    current = [old]

    def work() -> None:
        while not stop.is_set():
            # A connection each: httpx takes up one that nginx may be closing.
            answer = httpx.post(
                f"{gateway.url}{AFFECT}",
                files={"data": CARPHONE, "options": (None, b'{"end_s": 1}')},
                headers={"Authorization": f"Bearer {current[0]}"},
                verify=gateway.tls,
                timeout=120,
            )
            statuses.append(answer.status_code)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work) for _ in range(4)]
        time.sleep(1)
        new = gateway.new_key("tests")
        gateway.reload()
        current[0] = new
        time.sleep(1)
        keys.write_text(keys.read_text().removeprefix(before))
        gateway.reload()
        time.sleep(1)
        stop.set()
        for each in working:
            each.result()
    assert set(statuses) == {200}
    with gateway.http(old) as http:
        assert http.post(AFFECT, content=b"x").status_code == 401
    with gateway.http(new) as http:
        assert http.post(AFFECT, content=b"x").status_code == 422
    sys.stdout.write(f"\nrotated: sent and answered {len(statuses)}, lost 0\n")
