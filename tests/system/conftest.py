"""Debian's Chromium, driven by Playwright, and pages that must keep quiet in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import clips
from affect_client import wire
from affect_client.report import write_report
from report_answers import SECONDS
from report_pages import ReportPage, Show


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed; make test-system installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def clip() -> bytes:
    """Four seconds of a portrait."""
    return clips.portrait_pan(SECONDS)


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Writes a report, opens it, and at the end asserts that it complained of nothing.

    Whatever the page asks for but itself, data and its own blobs is a complaint.
    """
    pages: list[ReportPage] = []

    def open_report(
        prediction: wire.Prediction,
        clip: bytes | None,
        *,
        filename: str = "clip.mp4",
        dark: bool = False,
        reduced_motion: bool = False,
        width: int = 1280,
        height: int = 900,
    ) -> ReportPage:
        path = tmp_path / f"report{len(pages)}.html"
        write_report(path, prediction, clip, filename=filename)
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced_motion else "no-preference",
        )
        # The machine may be busy with much else.
        page.set_default_timeout(120_000)
        report = ReportPage(page)
        pages.append(report)
        report.open(path)
        return report

    yield open_report
    for report in pages:
        report.page.close()
    assert [report.complaints for report in pages] == [[] for _ in pages]
