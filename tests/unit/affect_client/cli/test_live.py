"""`affect live`: pictures of a recording, which also stands in for a camera."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clips
from affect_client.cli.camera import filmed, recorded, sampled
from affect_client.cli.endings import CommandError
from affect_client.errors import ClipNotFoundError
from affect_client.wire import LiveOptions
from peers import Peer, Peers, every_request, in_turn
from programs import affect, on_terminal
from received import Received
from spoken import face, frame, live_answer, problem


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, ten frames a second."""
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    path.write_bytes(clips.encode(clips.numbered(20), fps=10))
    return path


def well(peer: Peer, request: Received) -> None:
    options = LiveOptions.model_validate_json(request.parts()["options"])
    shown = [
        {**frame(k, *([face()] if time_s < 0.5 else [])), "time_s": time_s}
        for k, time_s in enumerate(options.times_s or [])
    ]
    peer.answer(live_answer("s", *shown))


def asked(server: Peers) -> list[list[float]]:
    return [
        LiveOptions.model_validate_json(request.parts()["options"]).times_s or []
        for request in server.requests
    ]


def number(picture: bytes) -> int:
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return clips.number_of(np.asarray(image, np.uint8))


def test_a_recording_gives_the_frames_on_screen_at_each_sample(recording: Path) -> None:
    shots = list(recorded(str(recording), 5, paced=False))
    assert [shot.time_s for shot in shots] == [k / 5 for k in range(10)]
    assert [number(shot.picture) for shot in shots] == list(range(0, 20, 2))
    assert shots[0].picture.startswith(b"\x89PNG")
    between = list(recorded(str(recording), 4, paced=False))
    assert [number(shot.picture) for shot in between] == [0, 2, 5, 7, 10, 12, 15, 17]


def test_a_recording_has_its_own_pace(recording: Path) -> None:
    began = time.monotonic()
    times = [time.monotonic() - began for _ in recorded(str(recording), 5, paced=True)]
    assert all(at >= k / 5 - 0.05 for k, at in enumerate(times))


@given(st.lists(st.floats(0.001, 3), max_size=30), st.floats(0.5, 30))
def test_samples_are_on_screen_at_their_time(steps: list[float], fps: float) -> None:
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    found = list(sampled([(time_s, time_s) for time_s in times], fps))
    assert [k / fps for k in range(len(found))] == [at for at, _ in found]
    assert (len(found) - 1) / fps <= times[-1] + 0.0005 < len(found) / fps + 1e-9
    for at, shown in found:
        assert shown == max(time_s for time_s in times if time_s <= at + 0.0005)


def test_a_camera_gives_its_newest_picture_and_never_runs_behind(recording: Path) -> None:
    shots = filmed(str(recording), 50)
    first = next(shots)
    assert first.picture.startswith(b"\xff\xd8")
    assert first.time_s == 0
    with pytest.raises(CommandError, match="gives no more pictures"):
        list(shots)


def test_no_camera_and_no_recording(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="opens no camera"):
        next(filmed(str(tmp_path / "video9"), 5))
    with pytest.raises(ClipNotFoundError):
        next(recorded(str(tmp_path / "missing.mp4"), 5, paced=False))
    text = tmp_path / "text.mp4"
    text.write_text("no clip")
    with pytest.raises(CommandError, match="OpenCV cannot read"):
        next(recorded(str(text), 5, paced=False))


def test_lines_of_json_and_a_summary(recording: Path) -> None:
    with Peers(every_request(well)) as server:
        done = affect(
            "live", "--file", recording, "--as-fast-as-possible", "--fps", 4, "--seconds", 1.5,
            url=server.url,
        )  # fmt: skip
    assert done.status == 0
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["time_s"] for line in lines] == [k / 4 for k in range(6)]
    assert [len(line["faces"]) for line in lines] == [1, 1, 0, 0, 0, 0]
    assert all(line["answered_after_s"] > 0 for line in lines)
    assert done.err.startswith("6 samples, 2 with a face; answered after ")
    assert asked(server) == [*([k / 4] for k in range(6)), []]
    assert server.requests[-1].headers["ts_request_sequence_end"] == "true"


def test_a_session_that_is_forgotten_is_a_sentence(recording: Path) -> None:
    def forgotten(peer: Peer, request: Received) -> None:
        peer.answer(problem("unknown_session", 409), 409)

    with Peers(in_turn(well, forgotten)) as server:
        done = affect("live", "--file", recording, "--as-fast-as-possible", url=server.url)
    assert done.status == 1
    assert "(409 unknown_session" in done.err
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--as-fast-as-possible"], 2, "needs --file"),
        (["--camera", "missing"], 1, "opens no camera 'missing'"),
        (["--file", "missing.mp4"], 1, "There is no file"),
        (["--fps", "-1"], 2, "positive"),
    ],
)
def test_what_cannot_be_shown(arguments: list[str], status: int, said: str) -> None:
    done = affect("live", *arguments, url="http://127.0.0.1:1")
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_on_a_terminal_now_is_drawn_until_ctrl_c(recording: Path) -> None:
    # Ctrl-C throws away what the terminal has not read yet, and this process may be late to press
    # it: so nothing more is answered, and written, after what it waits for.
    def until_no_face(peer: Peer, request: Received) -> None:
        options = LiveOptions.model_validate_json(request.parts()["options"])
        if 0.8 in (options.times_s or []):
            peer.hang()
        well(peer, request)

    with Peers(every_request(until_no_face)) as server:
        status, screen = on_terminal(
            "--base-url", server.url, "live", "--file", recording,
            until=lambda text: "Ctrl-C ends" in text.partition("no face")[2],
        )  # fmt: skip
        server.wait_until_free()
    assert status == 130
    assert "+0.120 ·····│█····  -0.300 ···██│·····" in screen
    assert "with a face; answered after" in screen
    assert "Traceback" not in screen
    # The server was told.
    assert server.requests[-1].headers["ts_request_sequence_end"] == "true"
