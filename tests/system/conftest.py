"""Debian's Chromium, driven by Playwright, and pages that must keep quiet in it; Debian's nginx."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import clips
from affect_client import wire
from affect_client.report import write_report
from gateway import Gateway
from replicas import Replica
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


@pytest.fixture(scope="session")
def replicas(
    live_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Replica, Replica]]:
    """Two services with clips and live sessions."""
    folder = tmp_path_factory.mktemp("replicas")
    pair = (
        Replica(live_store, folder / "0", live=True),
        Replica(live_store, folder / "1", live=True),
    )
    for replica in pair:
        replica.wait_ready()
    yield pair
    for replica in pair:
        replica.drain()
    assert [replica.stop() for replica in pair] == [0, 0]


@pytest.fixture
def gateway(replicas: tuple[Replica, Replica], tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of the test's own before both."""
    with Gateway(tmp_path, [replica.address for replica in replicas]) as running:
        yield running


@pytest.fixture(scope="session")
def lone_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before nobody, of all tests that leave its site alone."""
    with Gateway(tmp_path_factory.mktemp("gateway"), ["127.0.0.1:9"]) as running:
        yield running


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of the test's own before nobody."""
    with Gateway(tmp_path, ["127.0.0.1:9"]) as running:
        yield running
