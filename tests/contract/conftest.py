"""An archive's content as TorchServe unpacks it, and a pipeline made from it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ts.context import Context

from affect_core.checkpoint import Checkpoint, load_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from worker import build_context


@pytest.fixture(scope="session")
def unpacked(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(small_store / "affect.mar") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def unpacked_live(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked-live")
    with zipfile.ZipFile(small_store / "affect-live.mar") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def context(unpacked: Path, small_store: Path) -> Context:
    return build_context(unpacked, small_store)


@pytest.fixture(scope="session")
def checkpoint(unpacked: Path) -> Checkpoint:
    return load_checkpoint(unpacked)


@pytest.fixture(scope="session")
def runtime(checkpoint: Checkpoint) -> Runtime:
    return Runtime(checkpoint, DeviceChoice.of(None))


@pytest.fixture(scope="session")
def pipeline(checkpoint: Checkpoint, runtime: Runtime) -> Iterator[AffectPipeline]:
    made = AffectPipeline(
        runtime, choose_detector("libfacedetection").detect, checkpoint.spec.preprocess, Limits()
    )
    yield made
    made.close()
