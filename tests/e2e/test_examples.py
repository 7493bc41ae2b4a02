"""The webcam example, fed from a file, against a real TorchServe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import clips
from affect_client import AffectClient, Box, Face, Frame
from affect_serving.server import LocalServer

SCRIPT = Path(__file__).parents[2] / "examples" / "webcam.py"
JPEG = 0.03
"""What JPEG and another decoder's colours may change."""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def webcam() -> ModuleType:
    spec = spec_from_file_location("webcam", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def carphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "carphone.mp4"
    path.write_bytes(clips.carphone())
    return path


def test_a_recording_gives_a_line_for_each_sample(live_server: LocalServer, carphone: Path) -> None:
    done = run("--file", str(carphone), "--no-window", "--url", live_server.inference_url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    with AffectClient(base_url=live_server.inference_url) as client:
        expected = client.predict(carphone, faces="all")
    assert len(lines) == len(expected.frames) == 20
    for line, frame in zip(lines, expected.frames, strict=True):
        (face,) = frame.faces
        numbers = [float(number) for number in re.findall(r"[-+]?\d+\.\d+", line)]
        # A frame of this clip lasts 33 ms; the example takes the first one that is not too early.
        assert frame.time_s - 0.001 <= numbers[0] < frame.time_s + 0.034
        assert numbers[1:] == pytest.approx([face.arousal, face.valence], abs=JPEG)


def test_without_windows_it_says_so_before_it_asks_the_server(carphone: Path) -> None:
    done = run("--file", str(carphone), "--url", "http://127.0.0.1:9", DISPLAY=":99")
    assert done.returncode == 1
    assert "opencv-python-headless" in done.stderr
    assert "--no-window" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--file", "nothing.mp4"], ["--camera", "77"]])
def test_without_pictures_it_says_so(arguments: list[str]) -> None:
    done = run(*arguments, "--no-window", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert f"no picture from {' '.join(arguments)[2:].removeprefix('file ')}" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_server_it_says_so(carphone: Path) -> None:
    done = run("--file", str(carphone), "--no-window", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def frame_with(box: Box | None) -> Frame:
    faces = [] if box is None else [face_in(box)]
    return Frame(index=0, time_s=0.2, faces=faces)


def face_in(box: Box) -> Face:
    return Face(track=3, box=box, score=0.9, arousal=0.25, valence=-0.5)


def test_the_overlay_draws_boxes_and_numbers_and_leaves_the_picture(webcam: Any) -> None:
    picture = np.zeros((120, 200, 3), np.uint8)
    over = webcam.drawn(picture, frame_with(Box(x=60, y=40, width=50, height=60)))
    assert not picture.any()
    assert tuple(over[70, 60]) == webcam.COLOUR  # the box's left side
    assert over[15:38, 60:].any()  # the numbers
    assert not over[55:85, 70:100].any()  # the face
    assert not webcam.drawn(picture, frame_with(None)).any()
    assert webcam.told(frame_with(None)) == "   0.200 s  no face"


class Slow:
    """A session that answers as soon as it may."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.may = threading.Event()

    def send(self, _jpeg: bytes, *, time_s: float) -> Frame:
        self.sent.append(time_s)
        assert self.may.wait(60)
        return Frame(index=len(self.sent) - 1, time_s=time_s, faces=[])


def taken() -> Iterator[tuple[float, Any]]:
    """Pictures without end, 25 a second."""
    return ((k / 25, np.zeros((48, 64, 3), np.uint8)) for k in count())


def test_a_recording_waits_for_each_answer(webcam: Any) -> None:
    session = Slow()
    session.may.set()
    answered = webcam.answers(session, islice(taken(), 26), wait=True)
    assert [t for t, _, answer in answered if answer is not None] == session.sent
    assert session.sent == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_camera_waits_for_none(webcam: Any) -> None:
    session = Slow()
    with closing(webcam.answers(session, taken(), wait=False)) as answered:
        assert [answer for _, _, answer in islice(answered, 20)] == [None] * 20
        session.may.set()
        at_s, answer = next((t, answer) for t, _, answer in answered if answer is not None)
        assert session.sent == [answer.time_s] == [0]
        sent_s, *_ = next(answered)
    assert session.sent == [0, sent_s]
    assert sent_s > at_s >= 0.8


def test_wide_pictures_are_scaled(webcam: Any) -> None:
    assert webcam.scaled(np.zeros((720, 1280, 3), np.uint8)).shape == (360, 640, 3)
    assert webcam.scaled(np.zeros((48, 64, 3), np.uint8)).shape == (48, 64, 3)
