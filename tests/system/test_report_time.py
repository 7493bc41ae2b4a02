"""Time in a report: playing, seeking, keys, zoom."""

from __future__ import annotations

import pytest

from answers import Faces, affect, answer
from report_answers import BOX, SECONDS, pan
from report_pages import Show

pytestmark = pytest.mark.system


def test_the_cursor_follows_the_clip(show: Show, clip: bytes) -> None:
    report = show(pan(), clip)
    assert report.time == 0
    report.page.keyboard.press("Space")
    report.page.wait_for_function("() => document.getElementById('plot').ariaValueNow > 0.7")
    measured = report.evaluate(
        """async () => {
            const rows = [];
            for (let i = 0; i < 5; i += 1) {
                await new Promise((resolve) => setTimeout(resolve, 150));
                await new Promise(requestAnimationFrame);
                const cursor = document.getElementById("cursor").getBoundingClientRect();
                const zero = document.querySelector("#plot .zero").getBoundingClientRect();
                const shown = 4 * (cursor.x + cursor.width / 2 - zero.x) / zero.width;
                rows.push([document.getElementById("video").currentTime, shown]);
            }
            return rows;
        }"""
    )
    for playing, shown in measured:
        assert shown == pytest.approx(playing, abs=0.15)
    assert measured[-1][1] > measured[0][1] + 0.3
    assert report.page.get_by_role("button", name="Pause").is_visible()
    report.page.keyboard.press("Space")
    stopped = report.page.wait_for_function(
        "() => (({ paused, currentTime }) => paused && currentTime)"
        "(document.getElementById('video'))"
    ).json_value()
    report.wait_for_time(stopped, within=0.05)


def test_it_plays_to_the_end_and_again(show: Show, clip: bytes) -> None:
    report = show(pan(), clip)
    report.page.get_by_label("speed").select_option("2")
    report.page.get_by_role("button", name="Play").click()
    report.page.wait_for_function("() => document.getElementById('plot').ariaValueNow > 3.9")
    again = report.page.get_by_role("button", name="Play")
    again.wait_for()
    again.click()
    report.page.wait_for_function(
        "() => document.getElementById('plot').ariaValueNow > 0.1"
        " && document.getElementById('plot').ariaValueNow < 3"
    )


def test_a_click_on_the_plot_seeks_and_a_drag_goes_along(show: Show, clip: bytes) -> None:
    report = show(pan(), clip)
    middle = report.inner()["y"] + 100
    report.click_at(2.5, SECONDS)
    report.wait_for_time(2.5, within=0.01)
    assert report.evaluate("document.getElementById('video').currentTime") == pytest.approx(
        2.5, abs=0.01
    )
    arousal, valence = affect(0, 12)  # held from 2.4 s until 2.6 s
    assert f"arousal {arousal:+.2f}".replace("-", "\u2212") in report.words
    assert f"valence {valence:+.2f}".replace("-", "\u2212") in report.words

    report.page.mouse.down()
    for seconds in (2.0, 1.0, 0.5):
        report.page.mouse.move(report.x_of(seconds, 0, SECONDS), middle)
    report.wait_for_time(0.5, within=0.01)
    report.page.mouse.move(report.inner()["x"] - 30, middle)  # beyond the edge
    report.page.mouse.up()
    report.wait_for_time(0)
    assert report.evaluate("document.activeElement.id") == "plot"


def test_hovering_reads_the_plot_and_moves_nothing(show: Show, clip: bytes) -> None:
    report = show(pan(), clip)
    report.page.mouse.move(report.x_of(3.1, 0, SECONDS), report.inner()["y"] + 100)
    tip = report.page.locator("#tip")
    tip.wait_for()
    arousal, _ = affect(0, 15)
    assert f"arousal {arousal:+.2f}".replace("-", "\u2212") in tip.inner_text()
    assert tip.inner_text().startswith("3.1")
    assert report.time == 0
    report.page.mouse.move(5, 5)
    tip.wait_for(state="hidden")


def test_keys(show: Show, clip: bytes) -> None:
    report = show(pan(), clip)
    press = report.page.keyboard.press
    press("ArrowRight")  # with the focus on nothing
    report.wait_for_time(0.2)
    press("End")  # scrolls the page then, as ever
    report.wait_for_time(0.2)
    report.plot.focus()
    for key, time in [
        ("ArrowRight", 0.4),
        ("ArrowUp", 0.6),
        ("ArrowLeft", 0.4),
        ("ArrowDown", 0.2),
        ("PageUp", 1.2),
        ("PageDown", 0.2),
        ("End", 3.8),
        ("ArrowRight", 3.8),
        ("Home", 0.0),
        ("ArrowLeft", 0.0),
    ]:
        press(key)
        report.wait_for_time(time)
    press("m")
    assert report.evaluate("document.getElementById('video').muted") is True
    assert report.page.get_by_role("button", name="sound").get_attribute("aria-pressed") == "false"
    press("Space")
    report.page.wait_for_function("() => !document.getElementById('video').paused")


def test_a_part_of_a_clip_shows_that_part(show: Show, clip: bytes) -> None:
    report = show(answer([{0: BOX}] * 8, first=5, duration_s=SECONDS), clip)
    report.wait_for_time(1.0)
    report.plot.press("End")
    report.wait_for_time(2.4)
    assert report.plot.get_attribute("aria-valuemax") == "2.6"
    report.plot.press("Space")
    report.page.wait_for_selector("#play:not(.playing)")  # the part is over, the clip is not
    report.wait_for_time(2.6)


def test_where_motion_is_not_wanted_the_cursor_stands_on_samples(show: Show, clip: bytes) -> None:
    report = show(pan(), clip, reduced_motion=True)
    report.click_at(1.3, SECONDS)
    report.wait_for_time(1.3, within=0.01)
    cursor = report.box("#cursor")
    assert cursor["x"] + cursor["width"] / 2 == pytest.approx(report.x_of(1.2, 0, SECONDS), abs=1.5)


def test_zoom_keeps_the_cursor_and_follows_it(show: Show, clip: bytes) -> None:
    # As far as the page knows, a long clip: it goes by what the answer says.
    samples: list[Faces] = [{0: BOX}] * 600
    report = show(answer(samples, duration_s=120), None)
    zoom_in = report.page.get_by_role("button", name="Zoom in")
    for _ in range(3):
        zoom_in.click()
    assert report.page.locator("#overview").is_visible()
    ticks = report.page.locator("#plot .tick").all_text_contents()
    assert "0:15" in ticks or "0:10" in ticks
    assert "1:00" not in ticks
    report.plot.press("End")
    report.wait_for_time(119.8)
    assert "1:50" in report.page.locator("#plot .tick").all_text_contents()
    assert report.page.locator("#cursor").is_visible()
    overview = report.box("#overview")  # to pan is not to move in time
    report.page.mouse.click(overview["x"] + 2, overview["y"] + overview["height"] / 2)
    assert report.time == 119.8
    assert report.page.locator("#cursor").is_hidden()
    report.plot.press("0")
    assert report.page.locator("#overview").is_hidden()
    assert report.page.get_by_role("button", name="Whole clip").is_disabled()
    report.plot.press("+")
    assert report.page.locator("#overview").is_visible()
