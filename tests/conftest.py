"""Fixtures that several kinds of test share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from affect_serving.server import LIVE_MODEL, MODEL, LocalServer
from affect_training.calibrate import plan_engines, stand_in_crops
from affect_training.card import model_card
from affect_training.export import export_archive, write_configuration
from affect_training.initial import BackboneWeights, initial_model
from live_store import LIVE_IDLE_MS, LIVE_PLACES, reconfigure
from ports import free_ports
from small_store import export_small

settings.register_profile(
    "affect",
    deadline=None,  # model and codec calls are slow on a busy machine, and that is no failure
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("affect")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is under a shell that works in the background, and programs that tests start inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: nothing may go untested there but what needs a GPU."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") and item.get_closest_marker("gpu") is None:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store whose model sees crops of 32 pixels: 50 times faster than 224."""
    folder = tmp_path_factory.mktemp("small-store")
    return export_small(folder)


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model store that users get, with seeded weights."""
    folder = tmp_path_factory.mktemp("model-store")
    cache = folder / "cache"
    model, spec = initial_model(BackboneWeights.SEEDED, cache, lambda done, total: None)
    plan = plan_engines(model, stand_in_crops(spec.preprocess.crop_size), None)
    export_archive(model, spec, model_card(spec, None, plan), folder, plan)
    return folder


@pytest.fixture(scope="session")
def live_store(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`small_store` with few places for live sessions, and little patience with them."""
    store = tmp_path_factory.mktemp("live-store")
    shutil.copytree(small_store, store, dirs_exist_ok=True)
    write_configuration(store, ["affect.mar", "affect-live.mar"])
    reconfigure(
        store / "affect-live.mar",
        maxNumSequence=LIVE_PLACES,
        batchSize=LIVE_PLACES + 1,
        sequenceMaxIdleMSec=LIVE_IDLE_MS,
    )
    return store


@pytest.fixture(scope="session")
def live_server(live_store: Path) -> Iterator[LocalServer]:
    """A real TorchServe with both archives of `live_store`."""
    with LocalServer(live_store, free_ports(), (MODEL, LIVE_MODEL)) as running:
        yield running


@pytest.fixture(scope="session")
def server(model_store: Path) -> Iterator[LocalServer]:
    """A real TorchServe serving `model_store`."""
    with LocalServer(model_store, free_ports()) as running:
        yield running
