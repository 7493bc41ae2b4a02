from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from calls import whole
from peers import Peers, every_request
from programs import PROGRAM, affect, environment


@pytest.fixture(autouse=True)
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("a clip.mp4")
    path.write_bytes(b"a clip of much content")
    return path


def test_a_page_beside_the_working_directory_s_files(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("report", clip, url=server.url)
    assert (done.status, done.out) == (0, "")
    page = Path("a clip.html").read_text(encoding="utf-8")
    assert "<title>a clip.mp4: arousal and valence" in page
    assert '<template class="clip"' in page
    assert done.err.startswith("a clip.html is written, ")


def test_without_the_clip_and_to_standard_output(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("report", clip, "--without-clip", "-o", "-", url=server.url)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("<!doctype html>")
    assert '<template class="clip"' not in done.out
    assert [path.name for path in Path.cwd().iterdir()] == ["a clip.mp4"]


def test_standard_input_is_read_once_and_is_in_the_page() -> None:
    with Peers(every_request(whole)) as server:
        done = affect("report", "-", "-o", "r.html", url=server.url, stdin=b"from a pipe")
    assert done.status == 0
    assert '<template class="clip"' in Path("r.html").read_text(encoding="utf-8")


def test_the_browser_is_given_the_file(clip: Path, tmp_path: Path) -> None:
    # The one program that a browser would be, as the standard library finds it.
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {told}\n')
    browser.chmod(0o755)
    with Peers(every_request(whole)) as server:
        subprocess.run(
            [*PROGRAM, "--base-url", server.url, "report", str(clip), "--open"],
            env=environment(BROWSER=f"{browser} %s"), check=True, timeout=60,
        )  # fmt: skip
    assert told.read_text() == (tmp_path / "a clip.html").as_uri()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a clip.mp4", "-o", "a clip.mp4"], 2, "is a clip, which would be lost"),
        (["a clip.mp4", "-o", "missing/r.html"], 1, "There is no folder 'missing'"),
        (["a clip.mp4", "-o", "."], 1, "is a folder"),
        (["a clip.mp4", "-o", "-", "--open"], 2, "--open needs a file"),
        (["missing.mp4"], 1, "There is no file 'missing.mp4'"),
    ],
)
def test_what_cannot_be_written_asks_nobody(arguments: list[str], status: int, said: str) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("report", *arguments, url=server.url)
    assert (done.status, server.peers) == (status, [])
    assert said in done.err
    assert Path("a clip.mp4").read_bytes() == b"a clip of much content"
