"""A report in a browser: what can be seen of it, and what can be done to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import FloatRect, Locator, Page

from affect_client import wire


class Show(Protocol):
    """Opens the report on an answer and its clip."""

    def __call__(
        self,
        prediction: wire.Prediction,
        clip: bytes | None,
        *,
        filename: str = "clip.mp4",
        dark: bool = False,
        reduced_motion: bool = False,
        width: int = 1280,
        height: int = 900,
    ) -> ReportPage: ...


@dataclass
class ReportPage:
    """A report that is open in a browser."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        """Load the report and wait until its clip is read, and shown where it can be."""
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url, path.as_uri()))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("#player[data-loaded]")
        self.page.wait_for_function(
            "() => document.getElementById('video').readyState >= 2"
            " || !document.getElementById('message').hidden"
        )

    def _requested(self, url: str, own: str) -> None:
        if url != own and not url.startswith(("data:", "blob:null/")):
            self.complaints.append(f"asked for {url}")

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """What a JavaScript expression gives."""
        return self.page.evaluate(expression, argument)

    @property
    def plot(self) -> Locator:
        return self.page.locator("#plot")

    @property
    def time(self) -> float:
        """Seconds, as the slider tells them."""
        return float(self.plot.get_attribute("aria-valuenow") or "nan")

    @property
    def words(self) -> str:
        """The slider's value in words."""
        return self.plot.get_attribute("aria-valuetext") or ""

    def wait_for_time(self, seconds: float, within: float = 0.002) -> None:
        """Wait until the slider and, where there is one that plays, the clip are there."""
        self.page.wait_for_function(
            "([time, within]) => Math.abs(document.getElementById('plot').ariaValueNow - time)"
            " <= within && (({ error, seeking }) => error || !seeking)"
            "(document.getElementById('video'))",
            arg=[seconds, within],
        )

    @property
    def shown_track(self) -> str:
        """`track 0`, say."""
        return self.page.locator("#track-now").inner_text()

    def inner(self) -> FloatRect:
        """Where the grid of the plot is, on the page."""
        box = self.box("#plot .zero")
        whole = self.box("#plot")
        return {"x": box["x"], "width": box["width"], "y": whole["y"], "height": whole["height"]}

    def box(self, selector: str) -> FloatRect:
        """Where the first such element is, on the page."""
        box = self.page.locator(selector).first.bounding_box()
        assert box is not None, f"{selector} is not on screen"
        return box

    def x_of(self, seconds: float, start: float, end: float) -> float:
        """Where on the page a time is, in a plot that shows [start, end]."""
        inner = self.inner()
        return inner["x"] + (seconds - start) / (end - start) * inner["width"]

    def click_at(self, seconds: float, end: float) -> None:
        """Click on a time in a plot that shows [0, end]."""
        self.plot.scroll_into_view_if_needed()
        self.page.mouse.click(self.x_of(seconds, 0, end), self.inner()["y"] + 80)

    def open_samples(self) -> None:
        """Open the table of samples and wait until it is filled: browsers tell later."""
        self.page.get_by_text("Table of samples").click()
        self.page.wait_for_selector("#samples tbody tr")

    def segments(self, selector: str) -> list[list[float]]:
        """Per unbroken stretch of a line, the x of its points in pixels of the page."""
        path = self.page.locator(selector).get_attribute("d") or ""
        left = self.box("#plot")["x"]
        return [
            [left + float(x) for x, _ in re.findall(r"([\d.-]+) ([\d.-]+)", part)]
            for part in path.split("M")[1:]
        ]

    def colour(self, selector: str, name: str) -> tuple[float, float, float]:
        """Red, green and blue, 0 to 255, of a computed style."""
        element = self.page.locator(selector).first
        text = element.evaluate("(element, name) => getComputedStyle(element)[name]", name)
        red, green, blue = (float(part) for part in re.findall(r"[\d.]+", str(text))[:3])
        return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The contrast ratio of two colours (WCAG 2.2, 1.4.3), 1 to 21."""

    def luminance(colour: tuple[float, float, float]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (part / 255 for part in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
