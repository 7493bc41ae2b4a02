"""A report for everybody: focus, words, contrast, small screens; and text from outside."""

from __future__ import annotations

import pytest

from report_answers import SECONDS, pan, two_tracks
from report_pages import Show, contrast

pytestmark = pytest.mark.system


def test_everything_is_reached_by_tab_and_seen_there(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    names = []
    while True:
        report.page.keyboard.press("Tab")
        name, outline = report.evaluate(
            """() => {
                const element = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(element);
                return [element.id || element.name || element.textContent.trim().slice(0, 16),
                        `${outlineStyle} ${outlineWidth}`];
            }"""
        )
        if report.evaluate("document.activeElement === document.body") or name in names:
            break
        names.append(name)
        assert outline == "solid 2px", name
    assert names[:7] == ["play", "back", "forth", "speed", "sound", "plot", "track"]
    assert {"Table of samples", "Keys"} <= set(names)


def test_the_slider_tells_its_time_in_words(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    slider = report.page.get_by_role("slider", name="Time")
    assert slider.get_attribute("aria-valuemin") == "0"
    assert slider.get_attribute("aria-valuemax") == "4"
    report.plot.focus()
    for index, words in [(10, "2.00, track 0: no face"), (15, "3.00, track 0: not seen")]:
        report.evaluate("position => page.player.seekSample(position)", index)
        report.wait_for_time(index / 5)
        assert report.words == words
    assert report.page.locator("#arousal-now").inner_text() == "\u2013"


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_can_be_read(show: Show, clip: bytes, dark: bool) -> None:
    report = show(two_tracks(), clip, dark=dark)
    paper = report.colour("body", "backgroundColor")
    assert (sum(paper) < 150) is dark
    for selector, name in [
        ("body", "color"),
        (".facts", "color"),
        ("#arousal-now", "color"),
        ("#valence-now", "color"),
        ("#plot .label.arousal", "fill"),
        ("#plot .label.valence", "fill"),
        ("#plot .tick", "fill"),
        (".key", "color"),
    ]:
        assert contrast(report.colour(selector, name), paper) >= 4.5, selector
    for value in ("arousal", "valence"):
        line = report.colour(f".line.{value}:not(.other)", "stroke")
        assert contrast(line, paper) >= 3
        # Over what marks a gap, too.
        assert contrast(line, report.colour("rect.gap", "fill")) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_a_small_screen_has_one_column_and_nothing_sticks_out(
    show: Show, clip: bytes, dark: bool
) -> None:
    report = show(two_tracks(), clip, width=360, height=740, dark=dark)
    assert report.evaluate("document.documentElement.scrollWidth") == 360
    stage, traces, plane = (report.box(s) for s in ("#stage", "#timeline", "#plane"))
    assert stage["y"] + stage["height"] <= traces["y"]
    assert traces["y"] + traces["height"] <= plane["y"]
    for button in report.page.locator("button:visible, select:visible, .lane").all():
        size = button.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 24  # WCAG 2.2, 2.5.8
    report.click_at(3.4, SECONDS)
    report.wait_for_time(3.4, within=0.02)
    labels = [report.box(f"#plot .label.{value}") for value in ("arousal", "valence")]
    assert all(label["x"] + label["width"] <= 360 for label in labels)
    assert abs(labels[0]["y"] - labels[1]["y"]) >= 12


def test_text_from_outside_runs_nothing(show: Show, clip: bytes) -> None:
    words = (
        "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    )
    name = "<img src=x onerror=document.title='run'>.mp4"
    report = show(pan(trained_on=words, codec=words), clip, filename=name)
    assert report.page.title() == f"{name}: arousal and valence"
    assert report.page.get_by_role("heading", level=1).inner_text() == name
    assert report.page.get_by_text(words).count() == 2
    assert report.page.locator("img").count() == 0
