"""The clip in a report: its frames, its boxes, and clips that a browser cannot play."""

from __future__ import annotations

import pytest

import clips
from answers import Faces, answer
from report_answers import BOX, OTHER, SECONDS, pan, two_tracks
from report_pages import ReportPage, Show

pytestmark = pytest.mark.system


@pytest.mark.parametrize("width", [1280, 700, 360])
def test_boxes_lie_on_the_clip_at_every_width(show: Show, clip: bytes, width: int) -> None:
    report = show(two_tracks(), clip, width=width)
    report.evaluate("page.player.seekSample(7)")
    report.wait_for_time(1.4)
    video = report.box("#video")
    assert video["width"] / video["height"] == pytest.approx(320 / 240, rel=0.01)
    for track, (x, y, across, down) in ((0, BOX), (1, OTHER)):
        box = report.box(f".box[data-track='{track}']")
        scale = video["width"] / 320
        assert box["x"] == pytest.approx(video["x"] + x * scale, abs=1)
        assert box["y"] == pytest.approx(video["y"] + y * scale, abs=1)
        assert box["width"] == pytest.approx(across * scale, abs=1)
        assert box["height"] == pytest.approx(down * scale, abs=1)
    report.evaluate("page.player.seekSample(10)")
    report.wait_for_time(2.0)
    assert report.page.locator(".box").count() == 0


def test_boxes_fit_pixels_that_are_not_square(show: Show) -> None:
    """carphone's pixels are 12:11, so 176 of them are as wide as 192."""
    samples: list[Faces] = [{0: (44, 36, 88, 72)}] * 20
    report = show(answer(samples, size=(176, 144), duration_s=4.004), clips.carphone())
    video, box = report.box("#video"), report.box(".box")
    assert video["width"] / video["height"] == pytest.approx(193 / 144, rel=0.01)
    assert box["x"] == pytest.approx(video["x"] + video["width"] / 4, abs=1)
    assert box["width"] == pytest.approx(video["width"] / 2, abs=1)
    assert box["height"] == pytest.approx(video["height"] / 2, abs=1)


def number_on_screen(report: ReportPage) -> int:
    """The number of a frame made by `clips.numbered`."""
    mean: float = report.evaluate(
        """() => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [64, 48];
            const context = canvas.getContext("2d");
            context.drawImage(document.getElementById("video"), 0, 0, 64, 48);
            const { data } = context.getImageData(0, 0, 64, 48);
            return data.filter((_, i) => i % 4 === 1).reduce((a, b) => a + b) / (64 * 48);
        }"""
    )
    return round((mean - 16) / 8)


@pytest.mark.parametrize(("container", "offset_s"), [("mp4", 0), ("matroska", 0), ("matroska", 3)])
def test_the_frame_shown_is_the_one_the_numbers_are_of(
    show: Show, container: str, offset_s: int
) -> None:
    """Whatever the clip's timestamps begin with, and though samples fall between its frames."""
    plain = clips.encode(clips.numbered(28), fps=7, options={"bf": "0"})
    ticks = 14336 * offset_s  # of the time base that FFmpeg gives 7 fps in MP4
    clip = clips.remux(plain, container=container, time_of=lambda pts: pts + ticks)
    report = show(answer([{}] * 20, size=(64, 48), duration_s=4), clip)
    for index in (0, 7, 5, 19, 15, 3):  # 5 and 15 fall on frames
        report.evaluate("position => page.player.seekSample(position)", index)
        report.wait_for_time(index / 5)
        assert number_on_screen(report) == int(index / 5 * 7 + 1e-9)
        shown = report.evaluate("document.getElementById('video').currentTime")
        assert shown == pytest.approx(offset_s + index / 5, abs=0.01)


@pytest.mark.parametrize("codec", ["mpeg4", "libx265"])
def test_a_clip_that_cannot_be_played_says_so_and_time_can_be_moved(show: Show, codec: str) -> None:
    frames = clips.numbered(20)
    options = {"x265-params": "log-level=none"} if codec == "libx265" else None
    clip = clips.encode(frames, fps=5, codec=codec, options=options)
    name = {"mpeg4": "mpeg4", "libx265": "hevc"}[codec]
    report = show(pan(codec=name), clip)
    message = report.page.locator("#message")
    assert "cannot play" in message.inner_text()
    assert f"codec is {name}" in message.inner_text()
    report.click_at(2.0, SECONDS)
    report.wait_for_time(2.0, within=0.01)
    assert report.page.locator(".box").count() == 1
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(2.2)
    report.page.keyboard.press("Space")  # time goes by without the clip
    report.page.wait_for_function("() => document.getElementById('plot').ariaValueNow > 2.6")
    report.page.wait_for_selector("#play:not(.playing)")  # until the end
    report.wait_for_time(4.0)


def test_sound_whose_picture_cannot_be_played_says_so_too(show: Show) -> None:
    report = show(pan(codec="mpeg4"), clips.with_sound(clips.numbered(20), codec="mpeg4"))
    report.page.get_by_text("This browser cannot play the clip.").wait_for()
    report.plot.press("End")
    report.wait_for_time(3.8)


def test_a_clip_whose_first_frame_is_damaged_does_not_hold_time_up(show: Show) -> None:
    # B-frames in Matroska have no decode timestamps; `remux` leaves such packets out.
    damaged = clips.remux(clips.encode(clips.numbered(28), fps=7, container="matroska"))
    report = show(pan(), damaged)
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2, within=0.1)  # as near as there is a frame
    report.evaluate("page.player.seekSample(5)")  # where it has nothing to decode
    report.page.get_by_text("It seems to be damaged here.").wait_for()
    report.wait_for_time(1.0)


def test_a_clip_that_is_shown_unturned_has_no_boxes(show: Show) -> None:
    """Chromium turns all clips; an answer about the other orientation stands in for the rest."""
    report = show(answer([{0: (10, 10, 50, 50)}] * 20, size=(144, 176)), clips.carphone())
    assert "unturned" in report.page.locator("#message").inner_text()
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2)
    assert report.page.locator(".box").count() == 0
    video = report.box("#video")
    assert video["width"] / video["height"] == pytest.approx(193 / 144, rel=0.01)


def test_a_report_without_its_clip(show: Show) -> None:
    report = show(pan(), None)
    assert "not in this report" in report.page.locator("#message").inner_text()
    assert report.page.locator("#sound").is_hidden()
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2)
    assert report.page.locator(".box").count() == 1


def test_a_large_clip_is_read_in_seconds(show: Show, clip: bytes) -> None:
    """Where text of the clip can touch the page's style, it takes a minute."""
    padding = 16 * 2**20
    free = (8 + padding).to_bytes(4, "big") + b"free" + bytes(padding)
    report = show(pan(), clip + free)
    read = report.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
    assert read < 15_000
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2)
