"""Two processes that share a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from affect_training.fit.folders import BACKBONES_FOLDER
from affect_training.networks.backbones import build_backbone
from fitted import SHARED, STEADY, Losses, Uneven, fit_small, histories

pytestmark = pytest.mark.training

WORKER = Path(__file__).parents[2] / "fit_worker.py"


@pytest.fixture(scope="module")
def two(folder: Path) -> dict[str, Any]:
    """What two processes found; their run is `shared`."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [sys.executable, *command, WORKER, "shared", folder],
        capture_output=True,
        timeout=240,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-12000:]
    found: dict[str, Any] = json.loads((folder / "shared.json").read_text())
    return found


def test_gradients_of_two_processes_are_those_of_one(two: dict[str, Any]) -> None:
    # The reference: torch's own batch norm over all items, in float64.
    single = Uneven().double()
    single.frames, single.gold = single.frames.double(), single.gold.double()
    norm = nn.BatchNorm2d(6).double()
    norm.load_state_dict(single.layers[1].state_dict())
    single.layers[1] = norm
    torch.autograd.backward(single.loss(0, 1))
    expected = single.gradients()
    assert max(map(abs, expected)) > 0.05
    np.testing.assert_allclose(two["gradients"], expected, rtol=0, atol=1e-6)


def test_two_processes_train_as_one(folder: Path, two: dict[str, Any]) -> None:
    losses = Losses()
    results = fit_small(SHARED, folder, "single", [losses])
    counts = {stage: len(values) for stage, values in losses.by_stage.items()}
    assert counts == {"frames": 20, "sequences": 4, "joint": 2}
    for stage, values in losses.by_stage.items():
        # Batch norm over maps of 2x2 multiplies roundings: after 20 steps a change of all
        # weights by 6e-8 moves one process's own loss by 1e-3.
        np.testing.assert_allclose(two["losses"][stage][:5], values[:5], rtol=0, atol=1e-4)
        np.testing.assert_allclose(two["losses"][stage], values, rtol=0, atol=1e-2)
    np.testing.assert_allclose(two["val_ccc"], [r.val_ccc for r in results], rtol=0, atol=1e-3)
    single, shared = histories(folder / "single"), histories(folder / "shared")
    assert single.keys() == shared.keys()
    for stage, rows in single.items():
        for row, wanted in zip(shared[stage], rows, strict=True):
            for name, value in wanted.items():
                assert float(row[name]) == pytest.approx(float(value), abs=2e-3), name


def test_twenty_losses_of_two_processes_are_those_of_one(folder: Path, two: dict[str, Any]) -> None:
    losses = Losses()
    fit_small(STEADY, folder, "steady", [losses])
    for stage, values in losses.by_stage.items():
        assert len(values) == 20
        assert np.ptp(values) > 1e-2
        np.testing.assert_allclose(two["steady"][stage], values, rtol=0, atol=1e-5)


def moved(runs: Path, names: str) -> Tensor:
    """How far the first stage took the backbone's tensors of such names."""
    (file,) = runs.glob(f"{BACKBONES_FOLDER}/*/0-frames/weights.safetensors")
    learned = safetensors.torch.load_file(file)
    start = build_backbone(SHARED.backbone, SHARED.seed, runs, lambda done, total: None)
    return torch.cat(
        [(learned[k] - v).flatten() for k, v in start.state_dict().items() if k.endswith(names)]
    )


@pytest.mark.parametrize(
    ("names", "share"), [("weight", 0.1), ("running_mean", 1e-3), ("running_var", 1e-3)]
)
def test_two_processes_learn_what_one_does(
    names: str, share: float, folder: Path, two: dict[str, Any]
) -> None:
    if not (folder / "single").exists():
        fit_small(SHARED, folder, "single")
    expected, got = moved(folder / "single", names), moved(folder / "shared", names)
    assert expected.norm() > 1e-3
    assert (got - expected).norm() < share * expected.norm()
