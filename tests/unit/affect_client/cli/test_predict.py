"""`affect predict` against a local server."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from affect_client import AffectResult
from answers import answer
from calls import SOON_S, whole
from peers import Peer, Peers, every_request, in_turn
from programs import affect
from received import Received
from spoken import prediction, problem

BOX = (10, 20, 30, 40)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")
    return path


def gap(peer: Peer, request: Received) -> None:
    shown = answer([{0: BOX}] * 10 + [{}] * 5 + [{0: BOX}] * 10)
    peer.answer(shown.model_dump(mode="json"))


def by_content(peer: Peer, request: Received) -> None:
    """What the clip's bytes ask for."""
    data = request.parts()["data"]
    if data.startswith(b"slow"):
        time.sleep(0.5)
    if data.startswith(b"bad"):
        peer.answer(problem("undecodable_clip", 422), 422, x_request_id="id-1")
    elif data.startswith(b"busy"):
        peer.answer(problem("overloaded", 503), 503)
    elif data.startswith(b"none"):
        peer.answer(answer([{}] * 5).model_dump(mode="json"))
    else:
        peer.answer(answer([{0: BOX}, {0: BOX, 1: BOX}]).model_dump(mode="json"))


def made(folder: Path, *contents: str) -> list[Path]:
    paths = []
    for number, content in enumerate(contents):
        path = folder / f"{number}-{content}.mp4"
        path.write_bytes(content.encode())
        paths.append(path)
    return paths


@pytest.mark.parametrize("width", [80, 120])
def test_one_clip_is_facts_statistics_and_traces(clip: Path, width: int) -> None:
    with Peers(every_request(gap)) as server:
        done = affect("predict", clip, url=server.url, width=width)
    assert (done.status, done.err) == (0, "")
    assert "25 samples at 5 a second, 20 with a face" in done.out
    assert "0.0 \N{EN DASH} 4.8 s       20  arousal" in done.out
    assert "Nothing: made up, for tests." in done.out
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= width
    bottom = next(line for line in lines if "···" in line)
    assert re.fullmatch(r" *-0\.60 │[▁-█]+·+[▁-█]+", bottom)
    assert "· marks samples without the face." in done.out


def test_a_clip_without_a_face_says_so(tmp_path: Path) -> None:
    with Peers(every_request(by_content)) as server:
        done = affect("predict", *made(tmp_path, "none"), url=server.url)
    assert "5 samples at 5 a second, none with a face" in done.out


def test_options_are_asked_for(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        options = ("--fps", 2.5, "--faces", "all", "--start", 1, "--end", 3)
        assert affect("predict", clip, *options, url=server.url).status == 0
    (request,) = server.requests
    asked = json.loads(request.parts()["options"])
    assert asked == {
        "sample_fps": 2.5, "faces": "all", "start_s": 1.0, "end_s": 3.0, "stream": False
    }  # fmt: skip
    assert request.parts()["data"] == b"a clip"


def test_the_program_s_options_stand_on_either_side(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        before = affect("--api-key", "k1", "predict", clip, url=server.url)
        after = affect("predict", clip, "--base-url", server.url, "--api-key", "k2", url="http://x")
    assert (before.status, after.status) == (0, 0)
    assert [r.headers["authorization"] for r in server.requests] == ["Bearer k1", "Bearer k2"]


def test_json_is_the_answer_and_nothing_else(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("predict", clip, "--json", url=server.url)
    (line,) = done.out.splitlines()
    found = json.loads(line)
    assert found.pop("file") == str(clip)
    assert AffectResult.model_validate(found) == AffectResult.model_validate(prediction())
    assert done.err == ""


def test_csv_is_the_table_with_the_clip(clip: Path) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("predict", clip, "--csv", url=server.url)
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["file"] for row in rows] == [str(clip)] * 3
    assert [row["arousal"] for row in rows] == ["0.12", "", "0.5"]


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.ndjson", "t.parquet", "T.CSV"])
def test_a_file_s_name_tells_its_form(clip: Path, name: str) -> None:
    out = clip.with_name(name)
    with Peers(every_request(whole)) as server:
        done = affect("predict", clip, "-o", out, url=server.url)
    assert (done.status, done.out) == (0, "")
    assert f"{out} is written." in done.err
    start = out.read_bytes()[:5]
    assert start == {"csv": b"file,", "json": b'{"fil', "ndjson": b'{"fil'}.get(
        name.lower().partition(".")[2], start
    )
    if name.endswith("parquet"):
        table = pyarrow.parquet.read_table(out)
        assert table.column("file").to_pylist() == [str(clip)] * 3
        assert table.column("arousal").to_pylist() == [0.12, None, 0.5]
        (origin,) = json.loads(table.schema.metadata[b"affectline"])
        assert origin["model"]["trained_on"] == "nothing, for tests"


def test_one_track_of_several(clip: Path, tmp_path: Path) -> None:
    with Peers(every_request(by_content)) as server:
        done = affect("predict", clip, "--track", 1, "--json", url=server.url)
        missing = affect("predict", clip, "--track", 7, url=server.url)
    found = json.loads(done.out)
    assert [[f["track"] for f in frame["faces"]] for frame in found["frames"]] == [[], [1]]
    assert [track["track"] for track in found["tracks"]] == [1]
    assert (missing.status, missing.out) == (1, "")
    assert "There is no track 7; there are [0, 1]." in missing.err


def test_standard_input_is_a_clip() -> None:
    with Peers(every_request(whole)) as server:
        done = affect("predict", "-", url=server.url, stdin=b"from a pipe")
    assert done.out.startswith("standard input  ")
    assert server.requests[0].parts()["data"] == b"from a pipe"


@pytest.mark.parametrize("completed", [False, True])
def test_many_clips_in_order_or_as_they_are_done(tmp_path: Path, completed: bool) -> None:
    clips = made(tmp_path, "slow", "bad", "none", "good")
    with Peers(every_request(by_content)) as server:
        more = ["--as-completed"] if completed else []
        done = affect("predict", *clips, "--json", *more, url=server.url)
    lines = [json.loads(line) for line in done.out.splitlines()]
    names = [Path(line["file"]).name for line in lines]
    assert sorted(names) == [path.name for path in clips]
    assert (names == [path.name for path in clips]) is not completed
    (failed,) = [line for line in lines if "error" in line]
    assert failed["error"]["code"] == "undecodable_clip"
    assert failed["error"]["request_id"] == "id-1"
    assert done.status == 1
    assert (
        f"{clips[1]}: What is wrong and what to do. (422 undecodable_clip, request id-1)"
        in done.err
    )
    assert "4 clips: 3 good and 1 refused or not readable; " in done.err


def test_many_clips_for_a_person(tmp_path: Path) -> None:
    clips = made(tmp_path, "good", "none", "bad")
    with Peers(every_request(by_content)) as server:
        done = affect("predict", *clips, tmp_path / "missing.mp4", url=server.url, width=80)
    heading, first, second, third, *_ = done.out.splitlines()
    assert heading.split() == ["clip", "track", "samples", "arousal", "valence"]
    assert first.split()[:3] == ["0-good.mp4", "0", "2"]
    assert second.split()[:2] == ["1", "1"]
    assert third.split("-  ")[1] == "no face in 5 samples"
    assert done.out.count("Nothing: made up, for tests.") == 1
    assert "missing.mp4': There is no file" not in done.out
    assert "missing.mp4" in done.err
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_gravest_ending_is_the_status(tmp_path: Path) -> None:
    clips = made(tmp_path, "good", "bad", "busy")
    with Peers(every_request(by_content)) as server:
        done = affect("predict", *clips, "--retries", 0, url=server.url)
    assert done.status == 4
    assert "3 clips: 1 good, 1 refused or not readable and 1 too late; 2 samples" in done.err


def test_no_more_than_so_many_at_a_time(tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def count(peer: Peer, request: Received) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
        whole(peer, request)

    clips = made(tmp_path, *"abcdef")
    with Peers(every_request(count)) as server:
        assert affect("predict", *clips, "--jobs", 2, "--csv", url=server.url).status == 0
    assert most == 2


def test_files_are_not_lost_for_nothing(clip: Path) -> None:
    out = clip.with_name("old.csv")
    out.write_text("old")
    with Peers(every_request(by_content)) as server:
        clip.write_bytes(b"bad")
        assert affect("predict", clip, "-o", out, url=server.url).status == 1
    assert out.read_text() == "old"
    same = affect("predict", clip, "--json", "-o", clip, url="http://127.0.0.1:1")
    assert (same.status, clip.read_bytes()) == (2, b"bad")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--json", "--csv"], 2, "Choose one"),
        (["--parquet"], 2, "name a file with --out"),
        (["-o", "t.txt"], 2, "What form should"),
        (["-o", "missing/t.csv"], 1, "There is no folder 'missing'"),
        (["--fps", "0"], 2, "--fps"),
        (["--start", "2", "--end", "1"], 2, "--end (1) must be greater than --start (2)"),
        (["--timeout", "0"], 2, "positive"),
        (["--base-url", "ftp://x"], 2, "--base-url is 'ftp://x'"),
        (["--jobs", "0"], 2, "--jobs"),
    ],
)
def test_wrong_options_ask_nobody(clip: Path, arguments: list[str], status: int, said: str) -> None:
    with Peers(every_request(whole)) as server:
        done = affect("predict", clip, *arguments, url=server.url)
    assert (done.status, done.out, server.peers) == (status, "", [])
    assert said in done.err
    assert "Traceback" not in done.err


def html(peer: Peer, request: Received) -> None:
    peer.answer(b"<html>Welcome</html>", 200, "text/html")


def hang(peer: Peer, request: Received) -> None:
    peer.hang()


def cut(peer: Peer, request: Received) -> None:
    peer.answer(json.dumps(prediction()).encode()[:100], x_request_id="id-2")


def denied(peer: Peer, request: Received) -> None:
    peer.answer(b"no", 401, "text/plain")


def defect(peer: Peer, request: Received) -> None:
    peer.answer(problem("internal_error", 500), 500)


@pytest.mark.parametrize(
    ("behave", "status", "said"),
    [
        (html, 3, "text/html"),
        (hang, 4, "--timeout"),
        (cut, 5, "id-2"),
        (denied, 3, "AFFECT_API_KEY"),
        (defect, 5, "500 internal_error"),
    ],
)
def test_servers_that_misbehave_are_a_sentence_and_a_status(
    clip: Path, behave: Any, status: int, said: str
) -> None:
    began = time.monotonic()
    with Peers(every_request(behave)) as server:
        done = affect("predict", clip, "--retries", 0, "--timeout", 0.5, url=server.url)
        server.wait_until_free()
    assert (done.status, done.out) == (status, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert time.monotonic() - began < SOON_S


def test_nobody_there() -> None:
    done = affect("predict", __file__, "--retries", 1, url="http://127.0.0.1:1")
    again, last = done.err.splitlines()
    assert done.status == 3
    assert "Trying again in" in again
    assert "Check --base-url (or AFFECT_BASE_URL), and that the server runs." in last


def test_what_is_busy_is_asked_again(clip: Path) -> None:
    def busy(peer: Peer, request: Received) -> None:
        peer.answer(problem("overloaded", 503), 503)

    with Peers(in_turn(busy, whole)) as server:
        done = affect("predict", clip, url=server.url)
    assert done.status == 0
    assert "Trying again in" in done.err


def test_words_from_outside_do_not_reach_the_terminal_as_commands(clip: Path) -> None:
    def rude(peer: Peer, request: Received) -> None:
        shown = answer([{0: BOX}], trained_on="\x1b[2J[red]x[/red]", codec="\x1b[31mh264")
        peer.answer(shown.model_dump(mode="json"))

    with Peers(every_request(rude)) as server:
        done = affect("predict", clip, url=server.url)
    assert "\x1b" not in done.out
    assert "[red]x[/red]" in done.out
