"""The report in Debian's Chromium."""

from __future__ import annotations

import pytest

import clips
from affect_client import wire
from answers import Faces, affect, answer
from report_pages import ReportPage, Show, contrast

pytestmark = pytest.mark.system

BOX = (100, 40, 90, 120)
OTHER = (200, 60, 60, 80)

SECONDS = 4.0


def pan(
    codec: str = "h264", trained_on: str = "Nothing.", confidence: float | None = None
) -> wire.Prediction:
    """One face in every sample of four seconds of `portrait_pan`."""
    samples: list[Faces] = [{0: (BOX[0] - 2 * i, *BOX[1:])} for i in range(20)]
    return answer(
        samples, duration_s=SECONDS, codec=codec, trained_on=trained_on, confidence=confidence
    )


def two_tracks() -> wire.Prediction:
    """Track 0 with a gap of 3 samples without any face; track 1 from 1.2 s, and seen alone once."""
    samples: list[Faces] = []
    for i in range(20):
        faces = {0: BOX, 1: OTHER} if i >= 6 else {0: BOX}
        if 9 <= i < 12:
            faces = {}
        if i == 15:
            faces = {1: OTHER}
        samples.append(faces)
    return answer(samples, duration_s=SECONDS)


@pytest.fixture(scope="module")
def clip() -> bytes:
    return clips.portrait_pan(SECONDS)


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
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2)
    assert report.page.locator(".box").count() == 1


def test_no_face_at_all(show: Show) -> None:
    report = show(answer([{}] * 10, duration_s=2), clips.no_face())
    assert report.page.locator("rect.gap.none").count() == 1
    assert report.page.locator("#lanes").is_hidden()
    assert report.page.locator("#tracks").is_hidden()
    assert report.words == "0.00, no face"
    report.page.get_by_text("Table of samples").click()
    assert report.page.locator("#samples tbody tr").count() == 10


def test_no_sample_at_all(show: Show) -> None:
    report = show(answer([], duration_s=2), clips.no_face())
    assert report.words == "0.00, no sample"
    report.page.keyboard.press("ArrowRight")
    assert report.time == 0


def test_a_part_of_a_clip_shows_that_part(show: Show, clip: bytes) -> None:
    report = show(answer([{0: BOX}] * 8, first=5, duration_s=SECONDS), clip)
    report.wait_for_time(1.0)
    report.plot.press("End")
    report.wait_for_time(2.4)
    assert report.plot.get_attribute("aria-valuemax") == "2.6"
    report.plot.press("Space")
    report.page.wait_for_selector("#play:not(.playing)")  # the part is over, the clip is not
    report.wait_for_time(2.6)


def test_a_clip_that_broke_off(show: Show, clip: bytes) -> None:
    report = show(answer([{0: BOX}] * 10, duration_s=SECONDS, truncated=True), clip)
    assert report.plot.get_attribute("aria-valuemax") == "4"
    broken = report.box("rect.gap.beyond")
    assert broken["x"] == pytest.approx(report.x_of(2.0, 0, SECONDS), abs=1)
    assert report.page.get_by_role("note").inner_text().startswith("The clip broke off after 1.8 s")


def test_the_table_has_every_sample_and_every_gap(show: Show, clip: bytes) -> None:
    report = show(two_tracks(), clip)
    report.page.get_by_text("Table of samples").click()
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
    report.page.get_by_text("Table of samples").click()
    assert "confidence" in report.page.locator("#samples thead").inner_text()


def test_a_large_clip_is_read_in_seconds(show: Show, clip: bytes) -> None:
    """Where text of the clip can touch the page's style, it takes a minute."""
    padding = 16 * 2**20
    free = (8 + padding).to_bytes(4, "big") + b"free" + bytes(padding)
    report = show(pan(), clip + free)
    read = report.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
    assert read < 15_000
    report.page.keyboard.press("ArrowRight")
    report.wait_for_time(0.2)


def test_text_from_outside_runs_nothing(show: Show, clip: bytes) -> None:
    words = (
        "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    )
    report = show(pan(trained_on=words, codec=words), clip)
    assert report.page.title() == "clip.mp4: arousal and valence"
    assert report.page.get_by_text(words).count() == 2
    assert report.page.locator("img").count() == 0


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
