"""`affect` against a real TorchServe, and the page about it."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest

import clips
from affect_client import AffectClient, AffectResult
from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from blocks import agrees, blocks_of, run_bash
from ports import free_ports
from programs import affect, environment, on_terminal
from shipped import TRAINED_ON, export_shipped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "command-line.md"
GAP = (True,) * 5 + (False,) * 3 + (True,) * 2


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    store = tmp_path_factory.mktemp("command-line-store")
    export_shipped(store)
    with LocalServer(store, free_ports(), (MODEL, LIVE_MODEL)) as server:
        yield server


@pytest.fixture(scope="module")
def url(running: LocalServer) -> str:
    return running.inference_url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clips")
    (made / "clips").mkdir()
    files = {
        "clip.mp4": clips.carphone(),
        "gap.mp4": clips.face_comes_and_goes(GAP),
        "two-people.mp4": clips.two_faces(),
        "clips/a.mp4": clips.carphone(),
        "clips/b.mp4": clips.portrait_pan(),
        "clips/notes.txt": b"no clip\n",
    }
    for name, data in files.items():
        (made / name).write_bytes(data)
    # The script that an installation brings, where only the sources are there.
    script = made / "bin" / "affect"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m affect_client.cli "$@"\n')
    script.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def whole(url: str, folder: Path) -> AffectResult:
    with AffectClient(base_url=url) as client:
        return client.predict(folder / "gap.mp4")


def test_the_page_s_commands_print_what_is_shown(running: LocalServer, folder: Path) -> None:
    paths = os.pathsep.join(str(ROOT / name) for name in ("api_client", "handlers"))
    variables = environment(
        AFFECT_BASE_URL=running.inference_url,
        PATH=os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
        PYTHONPATH=os.pathsep.join([paths, os.environ.get("PYTHONPATH", "")]),
    )
    port = int(running.inference_url.rpartition(":")[2])
    shown = 0
    for block in blocks_of(PAGE, {"bash"}):
        if "--camera" in block.code:
            continue
        text = run_bash(block, folder, variables, port)
        if block.shown is not None:
            shown += 1
            assert agrees(drawn(block.shown), drawn(text)), f"{PAGE.name}:{block.line}\n{text}"
        else:
            assert text == "", f"{PAGE.name}:{block.line} prints what is not shown\n{text}"
    assert shown == 10


def drawn(text: str) -> str:
    """Of traces only where their gaps are: their heights are rounded, and the model's.

    Times in milliseconds and sizes in kilobytes are of a machine, too.
    """
    return re.sub(r"\d+ (?=ms|kB)", "1.0 ", re.sub("[▁-█]([▁-█ ]*[▁-█])?", "▁", text))


def test_predict_in_all_forms_has_the_client_s_numbers(
    url: str, folder: Path, whole: AffectResult
) -> None:
    clip, trace = folder / "gap.mp4", whole.trace()
    values = [value if value == value else None for value in trace.arousal]  # noqa: PLR0124
    assert [value is None for value in values] == [not seen for seen in GAP]

    found = json.loads(affect("predict", clip, "--json", url=url).out)
    result = AffectResult.model_validate(found).trace()
    assert result.arousal == pytest.approx(trace.arousal, abs=1e-5, nan_ok=True)
    rows = list(csv.DictReader(io.StringIO(affect("predict", clip, "--csv", url=url).out)))
    told = [float(row["arousal"]) if row["arousal"] else None for row in rows]
    assert told == [None if v is None else pytest.approx(v, abs=1e-5) for v in values]
    out = folder / "gap.parquet"
    assert affect("predict", clip, "-o", out, url=url).status == 0
    column = pyarrow.parquet.read_table(out).column("arousal").to_pylist()
    assert column == [None if v is None else pytest.approx(v, abs=1e-5) for v in values]


def test_many_clips_of_which_some_are_none(url: str, folder: Path) -> None:
    named = [folder / name for name in ("clip.mp4", "clips/notes.txt", "gap.mp4", "missing.mp4")]
    done = affect("predict", *named, "--json", "--end", 0.5, url=url)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["file"] for line in lines] == [str(path) for path in named]
    assert [line.get("error", {}).get("kind") for line in lines] == [
        None, "UndecodableClipError", None, "ClipNotFoundError"
    ]  # fmt: skip
    assert lines[1]["error"]["request_id"]
    assert done.status == 1


def test_a_stream_has_the_whole_answer_s_numbers(
    url: str, folder: Path, whole: AffectResult
) -> None:
    done = affect("stream", folder / "gap.mp4", url=url)
    first, *frames, last = (json.loads(line) for line in done.out.splitlines())
    assert (first["type"], last["type"], done.status) == ("clip", "summary", 0)
    assert [bool(frame["faces"]) for frame in frames] == list(GAP)
    assert [f["faces"][0]["valence"] for f in frames if f["faces"]] == pytest.approx(
        [frame.faces[0].valence for frame in whole.frames if frame.faces], abs=1e-5
    )


def test_a_recording_played_live_has_nearly_the_whole_answer_s_numbers(
    url: str, folder: Path, whole: AffectResult
) -> None:
    """Nearly: OpenCV turns YUV into RGB by itself."""
    done = affect("live", "--file", folder / "gap.mp4", "--as-fast-as-possible", url=url)
    assert done.status == 0
    frames = [json.loads(line) for line in done.out.splitlines()]
    assert [bool(frame["faces"]) for frame in frames] == list(GAP)
    assert [f["faces"][0]["arousal"] for f in frames if f["faces"]] == pytest.approx(
        [frame.faces[0].arousal for frame in whole.frames if frame.faces], abs=0.1
    )
    assert "10 samples, 7 with a face; answered after " in done.err


def test_a_report_holds_its_clip(url: str, folder: Path) -> None:
    out = folder / "page.html"
    assert affect("report", folder / "clip.mp4", "-o", out, url=url).status == 0
    page = out.read_text(encoding="utf-8")
    assert "clip.mp4: arousal and valence" in page
    assert html.escape(TRAINED_ON) in page


def test_health_and_describe(url: str, folder: Path) -> None:
    told = json.loads(affect("health", "--json", url=url).out)
    assert (told["ready"], told["status"]) == (True, "Healthy")
    assert {model["name"]: model["ready"] for model in told["models"]} == {
        "affect": True,
        "affect-live": True,
    }
    described = json.loads(
        affect("describe", "--clip", folder / "two-people.mp4", "--json", url=url).out
    )
    assert described["model"]["trained_on"] == TRAINED_ON
    assert len(described["found"]["faces_in_first_sample"]) == 2
    assert described["found"]["samples_about"] == 10
    refused = affect("describe", "--clip", folder / "clips" / "notes.txt", url=url)
    assert (refused.status, "undecodable_clip" in refused.err) == (1, True)


def test_the_wrong_port_is_not_ours(running: LocalServer, folder: Path) -> None:
    done = affect("predict", folder / "clip.mp4", url=running.management_url)
    assert done.status == 3
    assert "port" in done.err


def test_on_a_terminal(url: str, folder: Path) -> None:
    clip = folder / "clip.mp4"
    for command in ("predict", "stream"):
        status, screen = on_terminal("--base-url", url, command, clip)
        assert status == 0
        assert "20 samples at 5 a second, all with a face" in screen
        assert TRAINED_ON[:40] in screen
