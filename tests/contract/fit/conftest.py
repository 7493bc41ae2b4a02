"""A prepared set for whole runs, and one run that nobody disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from affect_training.fit.folders import StageResult
from fitted import SMALL_RECIPE, fit_small, make_prepared


@pytest.fixture(scope="module", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    # As the processes that are compared with this one; sums are then equal to the bit.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`prepared` in it is a prepared set; runs lie beside it."""
    made = tmp_path_factory.mktemp("fit")
    make_prepared(made / "prepared")
    return made


@pytest.fixture(scope="module")
def results(folder: Path) -> list[StageResult]:
    """Of the run `whole`: nobody disturbed it."""
    return fit_small(SMALL_RECIPE, folder, "whole")
