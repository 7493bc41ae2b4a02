"""The code of README.md and of the client's pages, against a real TorchServe.

What is compared, and how, is said in `blocks`. Other pages have tests of their own: `ELSEWHERE`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import clips
from affect_client import AffectClient
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from blocks import agrees, blocks_of, run_bash, run_python
from live_steps import jpeg, sampled
from ports import free_ports
from shipped import export_shipped

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "docs/train-your-own.md": "tests/e2e/test_tutorial.py",
    "docs/command-line.md": "tests/e2e/test_command_line.py",
}
NEEDS_MORE = ("pip install", "webcam.py", "--camera")
"""Marks of commands that need the network, a camera or a window; examples have their own test."""
PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if str(path.relative_to(ROOT)) not in ELSEWHERE and blocks_of(path, {"python", "bash"})
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The weights that `make serve` serves; one clip answered."""
    store = tmp_path_factory.mktemp("documented-store")
    export_shipped(store)
    with LocalServer(store, free_ports(), (MODEL, LIVE_MODEL)) as server:
        with AffectClient(base_url=server.inference_url) as client:
            client.predict(clips.carphone())
            deadline = time.monotonic() + 30
            while not client.metrics().clips.get("ok"):
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages speak of: a real clip, one with a gap, one of two people, some in a folder."""
    made = tmp_path_factory.mktemp("documented")
    (made / "clips").mkdir()
    files = {
        "clip.mp4": clips.carphone(),
        "gap.mp4": clips.face_comes_and_goes((True,) * 5 + (False,) * 3 + (True,) * 2),
        "two-people.mp4": clips.two_faces(),
        "clips/a.mp4": clips.carphone(),
        "clips/b.mp4": clips.portrait_pan(),
        "clips/notes.txt": b"no clip\n",
        "piece.mp4": clips.encode([clips.decoded(clips.carphone())[30]] * 3, fps=5),
        ".curlrc": b"fail\nsilent\nshow-error\n",
    }
    stills = {f"{k}.jpg": jpeg(image) for k, image in enumerate(sampled(clips.carphone(), 3))}
    for name, data in {**files, **stills}.items():
        (made / name).write_bytes(data)
    return made


@pytest.fixture
def environment(served: LocalServer, folder: Path) -> dict[str, str]:
    search_path = os.pathsep.join(str(ROOT / name) for name in ("api_client", "handlers"))
    return {
        **os.environ,
        "AFFECT_BASE_URL": served.inference_url,
        "CURL_HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([search_path, os.environ.get("PYTHONPATH", "")]),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_s_python_runs_and_prints_what_is_shown(
    page: Path, served: LocalServer, folder: Path, environment: dict[str, str]
) -> None:
    blocks = blocks_of(page, {"python"})
    printed = run_python(page, folder, environment, _port(served)) if blocks else []
    for block, text in zip(blocks, printed, strict=True):
        place = f"{page.name}:{block.line}"
        if block.shown is None:
            assert text == "", f"{place} prints what is not shown: {text}"
        else:
            assert agrees(block.shown, text), f"{place} prints\n{text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_s_commands_run(
    page: Path, served: LocalServer, folder: Path, environment: dict[str, str]
) -> None:
    for block in blocks_of(page, {"bash"}):
        if any(mark in block.code for mark in NEEDS_MORE):
            continue
        text = run_bash(block, folder, environment, _port(served))
        assert block.shown is None or agrees(block.shown, text), f"{page.name}:{block.line}\n{text}"


def test_pages_with_code_are_run_here_or_elsewhere() -> None:
    assert {"README", "predict", "many-clips", "streaming", "live-sessions", "async"} <= {
        page.stem for page in PAGES
    }
    for page, test in ELSEWHERE.items():
        assert not (ROOT / page).exists() or (ROOT / test).exists()


def _port(server: LocalServer) -> int:
    return int(server.inference_url.rpartition(":")[2])
