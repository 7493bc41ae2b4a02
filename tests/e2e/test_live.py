"""Live sessions of a real TorchServe."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import clips
from affect_client import wire
from affect_core.types import Image
from affect_serving.server import LIVE_MODEL, LocalServer
from live_steps import FPS, encoded, headers, lossless, png, sampled
from live_store import LIVE_IDLE_MS, LIVE_PLACES

GRACE_S = 5
FRAMES = {
    "one": sampled(clips.carphone(), 15),
    "two": sampled(clips.two_faces(3.0), 15),
    "pan": sampled(clips.portrait_pan(3.0), 15),
    "comes and goes": sampled(
        clips.face_comes_and_goes((True, True, False, True, *[False] * 7, *[True] * 4)), 15
    ),
}


class Live:
    """One session's client."""

    def __init__(self, server: LocalServer, client: httpx.Client | None = None) -> None:
        self.name = f"session-{uuid4()}"
        self._url = f"{server.inference_url}/predictions/{LIVE_MODEL}"
        self._post = httpx.post if client is None else client.post

    def send(
        self,
        frames: Sequence[Image] = (),
        start_s: float = 0.0,
        *,
        clip: bool = False,
        start: bool = False,
        end: bool = False,
    ) -> httpx.Response:
        if clip:
            files = {"data": ("clip.mp4", lossless(frames))}
            options = {"start_s": start_s, "sample_fps": FPS, "faces": "all"}
        else:
            files = {f"frame{k}": (f"{k}.png", png(frame)) for k, frame in enumerate(frames)}
            times = [start_s + k / FPS for k in range(len(frames))]
            options = {"times_s": times, "faces": "all"}
        return self._post(
            self._url,
            timeout=60,
            headers=headers(self.name, start=start, end=end),
            files={**files, "options": ("options", bytes(encoded(options)))},
        )

    def frames(
        self, frames: Sequence[Image], start_s: float, *, clip: bool = False, start: bool = False
    ) -> list[wire.Frame]:
        answer = self.send(frames, start_s, clip=clip, start=start)
        assert answer.status_code == 200, answer.text
        parsed = wire.LiveAnswer.model_validate_json(answer.content)
        assert parsed.session == self.name
        return parsed.frames

    def end(self) -> None:
        assert self.send(end=True).status_code == 200


def whole(server: LocalServer, name: str) -> list[wire.Frame]:
    answer = httpx.post(
        f"{server.inference_url}/predictions/affect",
        files={"data": lossless(FRAMES[name])},
        data={"options": '{"faces": "all"}'},
        timeout=60,
    )
    return wire.Prediction.model_validate_json(answer.content).frames


def assert_same(live: Sequence[wire.Frame], expected: Sequence[wire.Frame]) -> None:
    assert [f.index for f in live] == [f.index for f in expected]
    for frame, other in zip(live, expected, strict=True):
        assert frame.time_s == pytest.approx(other.time_s)
        assert [(f.track, f.box) for f in frame.faces] == [(f.track, f.box) for f in other.faces]
        for face, same in zip(frame.faces, other.faces, strict=True):
            assert face.arousal == pytest.approx(same.arousal, abs=1e-5)
            assert face.valence == pytest.approx(same.valence, abs=1e-5)


def problem_of(answer: httpx.Response) -> wire.Problem:
    problem = wire.Problem.model_validate_json(answer.content)
    assert answer.status_code == problem.status
    assert answer.headers["content-type"] == wire.PROBLEM_MEDIA_TYPE
    return problem


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("clip", [False, True])
def test_a_clip_in_pieces_gives_the_numbers_of_the_clip_whole(
    name: str, clip: bool, live_server: LocalServer
) -> None:
    live = Live(live_server)
    got: list[wire.Frame] = []
    for start, stop in ((0, 1), (1, 4), (4, 6), (6, 15)):
        frames = FRAMES[name][start:stop]
        got += live.frames(frames, start / FPS, clip=clip, start=start == 0)
    live.end()
    assert_same(got, whole(live_server, name))


def test_four_sessions_at_once_are_each_as_if_alone(live_server: LocalServer) -> None:
    def run(name: str) -> list[wire.Frame]:
        with httpx.Client(timeout=60) as client:
            live = Live(live_server, client)
            got: list[wire.Frame] = []
            for k, frame in enumerate(FRAMES[name]):
                got += live.frames([frame], k / FPS, start=k == 0)
            live.end()
            return got

    expected = {name: whole(live_server, name) for name in FRAMES}
    before = metrics(live_server)
    with ThreadPoolExecutor(4) as pool:
        got = dict(zip(FRAMES, pool.map(run, FRAMES), strict=True))
    for name, frames in got.items():
        assert_same(frames, expected[name])
    requests = 4 * (len(FRAMES["one"]) + 1)
    grown = grown_to(live_server, before, "affect_live_requests_total ok", requests)
    # While one batch is worked on the others' next requests gather: two batches for four.
    assert grown["affect_live_batches_total affect-live"] < 0.75 * requests


def test_an_idle_session_expires_and_one_in_use_does_not(live_server: LocalServer) -> None:
    idle, used = Live(live_server), Live(live_server)
    idle.frames(FRAMES["one"][:1], 0.0, start=True)
    started = time.monotonic()
    sent = 0
    while time.monotonic() - started < LIVE_IDLE_MS / 1000 + GRACE_S + 1:
        used.frames(FRAMES["pan"][sent % 15 : sent % 15 + 1], sent / FPS, start=sent == 0)
        sent += 1
        time.sleep(0.5)
    problem = problem_of(idle.send(FRAMES["one"][1:2], 0.2))
    assert problem.code == "unknown_session"
    assert "ts_request_sequence_start: true" in problem.detail
    (frame,) = used.frames(FRAMES["pan"][:1], sent / FPS)
    assert frame.index == sent
    (fresh,) = idle.frames(FRAMES["one"][:1], 0.0, start=True)
    assert fresh.index == 0


def test_a_session_that_ended_or_never_began_is_unknown(live_server: LocalServer) -> None:
    live = Live(live_server)
    assert problem_of(live.send(FRAMES["one"][:1])).code == "unknown_session"
    live.frames(FRAMES["one"][:1], 0.0, start=True)
    live.end()
    assert problem_of(live.send(FRAMES["one"][1:2], 0.2)).code == "unknown_session"
    assert problem_of(live.send(end=True)).code == "unknown_session"


def test_a_bad_request_beside_good_ones_changes_nothing(live_server: LocalServer) -> None:
    expected = whole(live_server, "one")
    good, bad = Live(live_server), Live(live_server)
    got = {live.name: live.frames(FRAMES["one"][:5], 0.0, start=True) for live in (good, bad)}
    with ThreadPoolExecutor(2) as pool:
        refused = pool.submit(bad.send, [FRAMES["pan"][0]], 1.0)  # another size
        got[good.name] += good.frames(FRAMES["one"][5:], 1.0)
    assert problem_of(refused.result()).code == "invalid_options"
    assert problem_of(bad.send(FRAMES["one"][5:6], 0.4)).code == "invalid_options"
    got[bad.name] += bad.frames(FRAMES["one"][5:], 1.0)
    for frames in got.values():
        assert_same(frames, expected)


def test_silent_sessions_do_not_hold_up_others(live_server: LocalServer) -> None:
    silent = [Live(live_server) for _ in range(LIVE_PLACES - 2)]
    time.sleep(LIVE_IDLE_MS / 1000 + 1)  # places of tests before
    for live in silent:
        live.frames(FRAMES["one"][:1], 0.0, start=True)
    busy = Live(live_server)
    taken = []
    for k in range(10):
        started = time.monotonic()
        busy.frames(FRAMES["one"][k : k + 1], k / FPS, start=k == 0)
        taken.append(time.monotonic() - started)
    # With one thread for several sessions it would be TorchServe's idle time.
    assert statistics.median(taken) < LIVE_IDLE_MS / 2000


def test_with_all_places_taken_a_session_is_refused_and_its_name_not_logged(
    live_server: LocalServer,
) -> None:
    def begin(_: int) -> httpx.Response:
        return Live(live_server).send(FRAMES["one"][:1], start=True)

    with ThreadPoolExecutor(2 * LIVE_PLACES) as pool:
        answers = list(pool.map(begin, range(2 * LIVE_PLACES)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    # TorchServe refuses before our handler sees it, so there is a status and no problem.
    assert "code" in refused[0].json()
    assert "session-" not in live_server.log_tail(100_000)
    deadline = time.monotonic() + 2 * LIVE_IDLE_MS / 1000 + 30
    while Live(live_server).send(FRAMES["one"][:1], start=True).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_model_describes_itself(live_server: LocalServer) -> None:
    vacated(live_server)  # to describe itself takes a place
    answer = httpx.post(
        f"{live_server.inference_url}/predictions/{LIVE_MODEL}",
        headers={"describe": "True"},
        timeout=30,
    )
    described = wire.ModelDescription.model_validate_json(answer.content)
    assert described.model.name == "affect"
    assert "random weights" in described.model.trained_on


def test_prometheus_counts_sessions_requests_and_frames(live_server: LocalServer) -> None:
    live = Live(live_server)
    batches = "affect_live_batches_total affect-live"  # counted after what is in them
    before = vacated(live_server)
    live.frames(FRAMES["one"][:2], 0.0, start=True)
    grown_to(live_server, before, batches, 1)
    before = metrics(live_server)
    live.frames(FRAMES["one"][2:5], 0.4)
    live.send([FRAMES["one"][0]], 0.0)
    grown = grown_to(live_server, before, batches, 2)
    assert grown["affect_live_requests_total ok"] == 1
    assert grown["affect_live_requests_total invalid_options"] == 1
    assert grown["affect_live_frames_total face"] == 3
    assert grown["affect_live_answer_seconds_count "] == 2
    assert grown[batches] == 2
    assert metrics(live_server)["affect_live_sessions affect-live"] >= 1
    vacated(live_server)  # it falls though nobody sends anything any more


def metrics(server: LocalServer) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(server.metrics_url, timeout=10).text)
    return {
        f"{sample.name} {next((v for k, v in sample.labels.items() if k != 'Hostname'), '')}": (
            sample.value
        )
        for family in families
        if family.name.startswith("affect_live")
        for sample in family.samples
        if "le" not in sample.labels
    }


def vacated(server: LocalServer) -> dict[str, float]:
    """The metrics once no session is left; those of other tests hold places until they expire."""
    deadline = time.monotonic() + LIVE_IDLE_MS / 1000 + GRACE_S + 60
    while (now := metrics(server)).get("affect_live_sessions affect-live", 0) > 0:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return now


def grown_to(
    server: LocalServer, before: dict[str, float], name: str, least: float
) -> dict[str, float]:
    """How much each metric has grown once `name` has by `least`; answers come before metrics."""
    deadline = time.monotonic() + 30
    while True:
        after = metrics(server)
        grown = {key: value - before.get(key, 0) for key, value in after.items()}
        if grown.get(name, 0) >= least or time.monotonic() > deadline:
            return grown
        time.sleep(0.2)


def test_no_picture_is_left_in_the_run_folder_or_the_log(live_server: LocalServer) -> None:
    marked = png(FRAMES["one"][0]) + b"canary-in-a-picture" * 500_000  # 9 MB: spooled by Java
    answer = httpx.post(
        f"{live_server.inference_url}/predictions/{LIVE_MODEL}",
        headers=headers(f"session-{uuid4()}", start=True, end=True),
        files={"frame0": marked, "options": bytes(encoded({"times_s": [0.0]}))},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert "canary" not in live_server.log_tail(100_000)
    for file in live_server.run_folder.rglob("*"):
        if file.is_file() and not file.is_socket() and file.suffix != ".safetensors":
            assert b"canary-in-a-picture" not in file.read_bytes(), file
