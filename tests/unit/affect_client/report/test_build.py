from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import clips
from affect_client import wire
from affect_client.report import build_report, report_parts, write_report
from affect_client.report.build import PIECE_BYTES, media_type
from answers import answer
from pages import Page

ANSWER = answer([{0: (61, 30, 48, 62)}, {}, {0: (60, 31, 48, 62)}])
CLIP = b"\0\0\0\x20ftypisom" + bytes(range(256)) * 20

hostile = st.text(max_size=40) | st.lists(
    st.sampled_from(
        [
            *("</script>", "<script>", "<!--", "-->", "]]>", "<img/src=x/onerror=a()>", "&lt;"),
            *("&", '"', "'", "\\u003c", "\\", "\0", "\u2028"),
            *("{{clip}}", "{{answer}}", "{{script}}"),
        ]
    ),
    max_size=6,
).map("".join)


@given(trained_on=hostile, codec=hostile, name=hostile)
@example(trained_on="</script><script>alert(1)</script>", codec="<!--", name="{{clip}}.mp4")
@example(trained_on="{{clip}}", codec="{{answer}}", name="<script>")
def test_text_from_outside_is_text_and_the_answer_comes_back(
    trained_on: str, codec: str, name: str
) -> None:
    prediction = answer([{0: (1, 2, 30, 40)}], trained_on=trained_on, codec=codec)
    page = Page(build_report(prediction, CLIP, filename=name))
    harmless = Page(build_report(answer([{0: (1, 2, 30, 40)}]), CLIP, filename="clip.mp4"))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert [sorted(attrs) for _, attrs in page.tags] == [sorted(a) for _, a in harmless.tags]
    assert page.answer == prediction
    assert b"".join(page.pieces) == CLIP


def test_title_and_training_are_shown_as_they_are() -> None:
    prediction = answer([{}], trained_on="A & B <i>", codec="h264 <b>")
    page = Page(build_report(prediction, CLIP, filename="R&D <1>.mp4"))
    assert page.text("bdi") == ["R&D <1>.mp4", "A & B <i>"]
    assert page.text("title") == ["R&D <1>.mp4: arousal and valence"]
    assert "h264 <b>" in page.text("li")


@pytest.mark.parametrize(
    ("clip", "filename", "title"),
    [
        (CLIP, None, "clip"),
        (CLIP, "", "clip"),
        (CLIP, "/home/someone/a.mp4", "a.mp4"),
        (CLIP, r"C:\Users\someone\a.mp4", "a.mp4"),
        (None, None, "clip"),
        (CLIP, os.fsdecode(b"a\xff.mp4"), "a?.mp4"),
    ],
)
def test_the_title_is_the_files_name_without_its_folders(
    clip: bytes | None, filename: str | None, title: str
) -> None:
    assert Page(build_report(ANSWER, clip, filename=filename)).text("bdi")[0] == title


@pytest.mark.parametrize(
    "size", [1, 2, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 5]
)
def test_the_clip_comes_back_from_pieces_that_stand_alone(size: int, tmp_path: Path) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    whole = build_report(ANSWER, data, filename="clip.mp4")
    page = Page(whole)
    assert b"".join(page.pieces) == data
    assert all(len(piece) == PIECE_BYTES for piece in page.pieces[:-1])
    assert base64.b64encode(data).decode() == "".join(page.text("template"))
    # From memory, from disk, in parts, into a file: one page.
    assert build_report(ANSWER, path) == whole
    assert b"".join(report_parts(ANSWER, str(path))) == whole
    assert write_report(tmp_path / "report.html", ANSWER, path) == len(whole)
    assert (tmp_path / "report.html").read_bytes() == whole


def test_nothing_is_loaded_from_anywhere() -> None:
    html = build_report(ANSWER, CLIP)
    page = Page(html)
    loads = {"src", "href", "srcset", "poster", "action", "data", "background", "formaction"}
    found = [(k, v) for _, attrs in page.tags for k, v in attrs.items() if k in loads]
    assert found == [("href", "data:,")]
    addresses = set(re.findall(rb"[a-z]+://[^\"'\s)]*", html))
    assert addresses == {b"http://www.w3.org/2000/svg"}  # a namespace; nothing is there to load
    assert not re.search(rb"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|WebSocket|import\(", html)


def test_the_policy_admits_our_script_and_style_and_nothing_else() -> None:
    page = Page(build_report(ANSWER, CLIP))
    (policy,) = [
        str(attrs["content"])
        for tag, attrs in page.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    (script,) = [text for attrs, text in page.scripts() if not attrs]
    (style,) = page.text("style")
    assert directives == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest(script)}'",
        "style-src": f"'sha256-{digest(style)}'",
        "media-src": "blob:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    handlers = [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert handlers == []
    assert [attrs for _, attrs in page.tags if "style" in attrs] == []


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_only_the_contract_goes_into_the_page() -> None:
    class More(wire.Prediction):
        request_id: str = "secret"

    more = More(**ANSWER.model_dump())
    assert build_report(more, CLIP) == build_report(ANSWER, CLIP)


def test_a_large_clip_is_never_in_memory(tmp_path: Path) -> None:
    clip = tmp_path / "large.mp4"
    with clip.open("wb") as file:
        file.truncate(60 * PIECE_BYTES)
    tracemalloc.start()
    size = write_report(tmp_path / "report.html", ANSWER, clip)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 80 * PIECE_BYTES
    assert peak < 6 * PIECE_BYTES


def test_an_empty_clip_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        build_report(ANSWER, b"")
    with pytest.raises(ValueError, match="empty"):
        write_report(tmp_path / "report.html", ANSWER, b"")
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_the_report_that_was_there(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("before")
    with pytest.raises(FileNotFoundError):
        write_report(report, ANSWER, tmp_path / "missing.mp4")
    with pytest.raises(IsADirectoryError):
        write_report(report, ANSWER, tmp_path)
    assert report.read_text() == "before"
    assert list(tmp_path.iterdir()) == [report]
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path / "no" / "folder.html", ANSWER, CLIP)
    with pytest.raises(IsADirectoryError):
        write_report(tmp_path, ANSWER, CLIP)


def test_the_clip_is_not_written_over(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(CLIP)
    link = tmp_path / "report.html"
    link.symlink_to(clip)
    for destination in (clip, link):
        with pytest.raises(ValueError, match="over its clip"):
            write_report(destination, ANSWER, clip)
    assert clip.read_bytes() == CLIP


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    report, link, pipe = tmp_path / "a.html", tmp_path / "b.html", tmp_path / "pipe"
    report.write_text("before")
    link.symlink_to(report)
    write_report(link, ANSWER, CLIP)
    assert link.is_symlink()
    assert report.read_bytes() == build_report(ANSWER, CLIP)
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_report(pipe, ANSWER, CLIP)
    reader.join(30)
    assert read == [build_report(ANSWER, CLIP)]
    assert pipe.is_fifo()


def test_a_new_report_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_report(tmp_path / "report.html", ANSWER, CLIP)
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_media_types_are_read_from_the_clip() -> None:
    carphone = clips.carphone()
    assert media_type(carphone) == "video/mp4"
    assert media_type(clips.remux(carphone, container="matroska")) == "video/x-matroska"
    assert media_type(clips.huge_frame()) == "video/x-msvideo"
    assert media_type(clips.remux(carphone, container="mov")) == "video/mp4"
    webm = clips.encode(clips.numbered(2), container="webm", codec="libvpx")
    assert media_type(webm) == "video/webm"
    assert media_type(b"OggS") == "video/ogg"
    assert media_type(clips.remux(carphone, container="mpegts")) == ""
    assert media_type(b"") == ""
    page = Page(build_report(ANSWER, webm))
    (attrs,) = [attrs for tag, attrs in page.tags if tag == "template"]
    assert attrs["data-type"] == "video/webm"
