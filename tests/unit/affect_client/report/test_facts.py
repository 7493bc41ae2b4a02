from __future__ import annotations

import pytest

from affect_client import wire
from affect_client.report import build_report
from affect_client.report.facts import facts, seconds
from answers import answer
from pages import Page

BOX = (61, 30, 48, 62)


def lines(prediction: wire.Prediction) -> list[str]:
    return Page(build_report(prediction, b"clip")).text("li")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0 s"),
        (4.004, "4.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00.0 min"),
        (65.25, "1:05.2 min"),
        (1200, "20:00.0 min"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


def test_what_is_said_of_a_clip() -> None:
    samples = [{0: BOX, 1: BOX}, {0: BOX}, {}]
    assert lines(answer(samples, duration_s=0.6)) == [
        "0.6 s",
        "320x240 pixels",
        "h264",
        "3 samples at 5 fps",
        "a face in 2 of them",
        "2 tracks",
    ]


def test_what_is_said_of_a_clip_without_faces_length_or_orientation() -> None:
    plain = answer([{}], fps=29.97)
    clip = plain.clip.model_copy(update={"duration_s": None, "rotation": 90})
    assert lines(plain.model_copy(update={"clip": clip})) == [
        "length unknown",
        "320x240 pixels",
        "h264",
        "stored turned, shown 90° clockwise",
        "1 sample at 29.97 fps",
        "no face in any of them",
    ]


def test_one_track_with_a_face_in_every_sample() -> None:
    assert lines(answer([{3: BOX}] * 2))[-2:] == ["a face in all of them", "1 track"]


def test_a_clip_that_broke_off_says_so() -> None:
    assert facts(answer([{}, {}]), with_clip=True)["truncated"] == ""
    broken = answer([{}, {}], truncated=True)
    page = Page(build_report(broken, b"clip"))
    assert "The clip broke off after 0.2 s." in page.text("strong")
    nothing = broken.model_copy(update={"frames": []})
    assert "The clip broke off." in Page(build_report(nothing, b"clip")).text("strong")


def test_the_page_says_what_it_holds() -> None:
    with_clip, without = (build_report(answer([{}]), clip).decode() for clip in (b"clip", None))
    assert "this page holds the clip" in with_clip
    assert "does not hold the clip" in without
    for page in (with_clip, without):
        assert "Nothing: made up, for tests." in page
        assert "Not validated" in page
