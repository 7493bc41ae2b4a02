"""What a real TorchServe answers to what it should not get, and that it lives on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import clips
from affect_client import wire
from affect_serving.server import LocalServer

Request = Callable[[], dict[str, object]]


def multipart(data: bytes, options: str | None = None) -> dict[str, object]:
    parts: dict[str, object] = {"files": {"data": ("clip", data)}}
    return parts if options is None else {**parts, "data": {"options": options}}


def raw(data: bytes, content_type: str) -> dict[str, object]:
    return {"content": data, "headers": {"content-type": content_type}}


BINARY = "application/octet-stream"
CASES: dict[str, tuple[Request, wire.ProblemCode]] = {
    "empty body": (lambda: raw(b"", BINARY), "empty_body"),
    "no body": (dict, "empty_body"),
    "text": (lambda: raw(b"hello " * 100, "text/plain"), "undecodable_clip"),
    "random bytes": (lambda: raw(os.urandom(50_000), BINARY), "undecodable_clip"),
    "JSON": (lambda: raw(b'{"clip": "me"}', "application/json"), "undecodable_clip"),
    "a form": (lambda: raw(b"clip=me", "application/x-www-form-urlencoded"), "empty_body"),
    "wrong part": (lambda: {"files": {"file": ("c", clips.carphone())}}, "empty_body"),
    "audio only": (lambda: multipart(clips.audio_only()), "no_video_stream"),
    "truncated": (lambda: multipart(clips.truncated(clips.carphone())), "undecodable_clip"),
    "zero frames": (lambda: multipart(clips.zero_frames()), "undecodable_clip"),
    "1x1": (lambda: multipart(clips.one_pixel()), "undecodable_clip"),
    "20,000 wide": (lambda: multipart(clips.huge_frame()), "frame_too_large"),
    "two-hour header": (lambda: multipart(clips.two_hour_header()), "clip_too_long"),
    "two hours": (lambda: multipart(clips.two_hours()), "clip_too_long"),
    "unknown option": (lambda: multipart(clips.carphone(), '{"fps": 3}'), "invalid_options"),
    "wrong type": (lambda: multipart(clips.carphone(), '{"stream": "yes"}'), "invalid_options"),
    "not JSON": (lambda: multipart(clips.carphone(), "fps=3"), "invalid_options"),
    "unknown part": (
        lambda: {**multipart(clips.carphone()), "data": {"fps": "3"}},
        "invalid_options",
    ),
}


def post(server: LocalServer, request: dict[str, object]) -> httpx.Response:
    url = f"{server.inference_url}/predictions/affect"
    return httpx.post(url, timeout=60, **request)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_a_bad_clip_gets_its_problem_beside_a_good_one(name: str, server: LocalServer) -> None:
    make, code = CASES[name]
    workers = server.worker_pids()
    good = multipart(clips.portrait_pan(), '{"end_s": 0.3}')
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(post, server, good)
        answer = post(server, make())
    problem = wire.Problem.model_validate_json(answer.content)
    assert problem.code == code
    assert answer.status_code == problem.status == wire.PROBLEMS[code][0]
    assert answer.headers["content-type"] == wire.PROBLEM_MEDIA_TYPE
    assert len(wire.Prediction.model_validate_json(beside.result().content).frames) == 2
    assert server.worker_pids() == workers


def test_a_clip_that_breaks_off_is_answered_up_to_the_break(server: LocalServer) -> None:
    whole = clips.remux(clips.carphone(), movflags="faststart")
    answer = post(server, multipart(clips.truncated(whole, 0.3)))
    prediction = wire.Prediction.model_validate_json(answer.content)
    assert prediction.clip.truncated
    assert 0 < len(prediction.frames) < 10


def test_a_body_beyond_the_limit_is_refused_by_the_front_end(server: LocalServer) -> None:
    # TorchServe refuses before our handler sees it, so there is a status and no problem.
    answer = post(server, raw(b"\0" * ((256 << 20) + 1), BINARY))
    assert answer.status_code == 413


def test_a_binary_form_is_refused_by_the_front_end_and_not_logged(server: LocalServer) -> None:
    # curl --data-binary claims a form. TorchServe fails to parse it, before our handler.
    data = b"canary-of-a-face" * 4 + b"%\xff\xfe=" + clips.carphone()
    answer = post(server, raw(data, "application/x-www-form-urlencoded"))
    assert answer.status_code == 500
    assert "canary" not in server.log_tail(10_000)


def test_management_cannot_load_or_remove_models(server: LocalServer) -> None:
    for method, path in [
        ("POST", "/models?url=file:///tmp/evil.mar"),
        ("POST", "/models?url=http://127.0.0.1:9/evil.mar"),
        ("DELETE", "/models/affect"),
        ("DELETE", "/models/affect/1.0"),
    ]:
        answer = httpx.request(method, server.management_url + path, timeout=10)
        assert answer.status_code == 405, (method, path)
    (model,) = httpx.get(f"{server.management_url}/models", timeout=10).json()["models"]
    assert model["modelName"] == "affect"


def test_no_upload_is_left_in_the_run_folder_or_the_log(server: LocalServer) -> None:
    marked = clips.carphone() + b"canary-in-a-clip" * 1_000_000  # 16 MB: spooled by Java
    answer = post(server, multipart(marked, json.dumps({"end_s": 0.3})))
    assert answer.status_code == 200
    assert "canary" not in server.log_tail(10_000)
    for file in server.run_folder.rglob("*"):
        if file.is_file() and not file.is_socket() and file.suffix != ".safetensors":
            assert b"canary-in-a-clip" not in file.read_bytes(), file
