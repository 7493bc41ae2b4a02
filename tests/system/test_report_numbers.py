"""What a report shows of an answer: tracks, gaps, traces, plane, tables."""

from __future__ import annotations

import pytest

import clips
from answers import Faces, affect, answer
from report_answers import BOX, SECONDS, pan, two_tracks
from report_pages import Show

pytestmark = pytest.mark.system


def test_tracks_are_switched_by_lane_key_and_box(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    line = report.page.locator(".line.arousal:not(.other)")
    first = line.get_attribute("d")
    assert report.shown_track == "track 0"  # the one seen most
    report.page.locator(".lane").nth(1).click()
    assert report.shown_track == "track 1"
    assert report.page.get_by_role("radio", name="track 1, 11 samples").is_checked()
    assert line.get_attribute("d") != first
    report.plot.focus()
    report.page.keyboard.press("t")
    assert report.shown_track == "track 0"
    report.page.keyboard.press("Shift+T")
    assert report.shown_track == "track 1"
    report.page.keyboard.press("Shift+T")
    assert line.get_attribute("d") == first
    report.evaluate("page.player.seekSample(7)")
    report.wait_for_time(1.4)
    report.page.locator(".box[data-track='1']").click()
    assert report.shown_track == "track 1"
    assert "chosen" in (report.page.locator(".box[data-track='1']").get_attribute("class") or "")
    report.page.get_by_role("radio", name="track 1, 11 samples").press("ArrowUp")
    assert report.shown_track == "track 0"
    # Letters are for who is at the player; in a table they are not ours.
    report.page.locator("#tracks .scroll").focus()
    report.page.keyboard.press("t")
    assert report.shown_track == "track 0"


def test_gaps_are_seen_and_no_line_crosses_them(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    gaps = [
        (kind, box["x"], box["x"] + box["width"])
        for kind in ("none", "other")
        for rect in report.page.locator(f"rect.gap.{kind}").all()
        if (box := rect.bounding_box())
    ]
    expected = [("none", 1.8, 2.4), ("other", 3.0, 3.2)]
    assert [kind for kind, _, _ in gaps] == [kind for kind, _, _ in expected]
    for (_, left, right), (_, from_s, to_s) in zip(gaps, expected, strict=True):
        assert left == pytest.approx(report.x_of(from_s, 0, SECONDS), abs=1)
        assert right == pytest.approx(report.x_of(to_s, 0, SECONDS), abs=1)
    for value in ("arousal", "valence"):
        runs = report.segments(f".line.{value}:not(.other)")
        assert [len(run) for run in runs] == [9, 3, 4]
        for run in runs:
            for _, left, right in gaps:
                assert run[-1] < left or run[0] >= right - 1
    assert "no face" in report.page.locator("#plot").inner_text()
    assert "Hatched: no face was found." in report.page.locator("#plot-key").inner_text()


def test_the_trail_in_the_plane_stops_at_a_gap(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    for index, segments in [(8, 8), (10, 8), (12, 6), (13, 6), (14, 6), (17, 4)]:
        report.evaluate("position => page.player.seekSample(position)", index)
        report.wait_for_time(index / 5)
        # Of the last ten steps, those into, in and out of a gap (9 to 11, and 15) are missing.
        assert report.page.locator("#plane .trail path").count() == segments
        visible = report.page.locator("#plane .point").get_attribute("visibility")
        assert visible == ("hidden" if index == 10 else "visible")
    arousal, valence = affect(0, 17)
    point = report.page.locator("#plane .point")
    assert float(point.get_attribute("cx") or "nan") == valence
    assert float(point.get_attribute("cy") or "nan") == -arousal


def test_no_face_at_all(show: Show) -> None:
    report = show(answer([{}] * 10, duration_s=2), clips.no_face())
    assert report.page.locator("rect.gap.none").count() == 1
    assert report.page.locator("#lanes").is_hidden()
    legend = "Click or drag on the plot to move in time. Hatched: no face was found."
    assert report.page.locator("#plot-key").inner_text() == legend
    assert report.page.locator("#tracks").is_hidden()
    assert report.words == "0.00, no face"
    report.open_samples()
    assert report.page.locator("#samples tbody tr").count() == 10


def test_no_sample_at_all(show: Show) -> None:
    report = show(answer([], duration_s=2), clips.no_face())
    assert report.words == "0.00, no sample"
    report.page.keyboard.press("ArrowRight")
    assert report.time == 0


def test_a_clip_that_broke_off(show: Show, clip: bytes) -> None:
    report = show(answer([{0: BOX}] * 10, duration_s=SECONDS, truncated=True), clip)
    assert report.plot.get_attribute("aria-valuemax") == "4"
    broken = report.box("rect.gap.beyond")
    assert broken["x"] == pytest.approx(report.x_of(2.0, 0, SECONDS), abs=1)
    assert report.page.get_by_role("note").inner_text().startswith("The clip broke off after 1.8 s")


def test_the_table_has_every_sample_and_every_gap(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    report.open_samples()
    rows = [
        row.split("\t") for row in report.page.locator("#samples tbody").inner_text().split("\n")
    ]
    assert len(rows) == 20
    arousal, valence = affect(0, 4)
    texts = [f"{value:+.3f}".replace("-", "\u2212") for value in (arousal, valence)]
    assert rows[4] == ["0.80", *texts, "0.90", "100, 40, 90 \u00d7 120"]
    assert [rows[10][1], rows[15][1]] == ["no face", "not seen"]
    report.plot.press("t")
    assert "Track 1" in report.page.locator("#samples caption").inner_text()
    statistics = report.page.locator("#tracks tbody tr").first.inner_text()
    assert statistics.startswith("track 0\t0.00\t3.80\t16\t")


def test_confidence_is_shown_where_the_model_has_one(show: Show, clip: bytes) -> None:
    report = show(pan(confidence=0.7), clip)
    assert report.page.locator("#score-now").inner_text() == "face score 0.90, confidence 0.70"
    assert report.evaluate("document.documentElement.scrollWidth") == 1280
    report.open_samples()
    assert "confidence" in report.page.locator("#samples thead").inner_text()


def test_the_legend_names_what_is_there(show: Show, clip: bytes) -> None:
    legend = show(pan(), clip).page.locator("#plot-key").inner_text()
    assert "In the plane" in legend
    assert not any(word in legend for word in ("Hatched", "Tinted", "other tracks"))
    legend = show(two_tracks(), clip).page.locator("#plot-key").inner_text()
    assert all(word in legend for word in ("Hatched", "Tinted", "Thin lines", "rings"))


def test_in_a_crowd_only_the_chosen_box_has_its_name_written_out(show: Show, clip: bytes) -> None:
    samples: list[Faces] = [{track: (10 + 40 * track, 60, 30, 40) for track in range(6)}] * 20
    report = show(answer(samples, duration_s=SECONDS), clip)
    assert report.page.locator(".box").all_inner_texts() == ["track 0", *"12345"]
    report.plot.press("t")
    assert report.page.locator(".box").all_inner_texts() == ["0", "track 1", *"2345"]


def test_many_samples_are_drawn_thin_until_one_zooms_in(show: Show) -> None:
    samples: list[Faces] = [{0: BOX}] * 3000
    report = show(answer(samples, duration_s=600), None)
    assert report.page.locator(".dense .line.arousal").count() == 1
    for _ in range(3):
        report.page.get_by_role("button", name="Zoom in").click()
    assert report.page.locator(".dense .line.arousal").count() == 0
