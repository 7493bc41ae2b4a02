"""The weights that ship: whole, measured, what `make archive` exports, right about real faces."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray

import clips
from affect_core.checkpoint import SPEC_FILE, WEIGHTS_FILE, Checkpoint, load_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.events import ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.limits import Limits
from affect_core.pipeline import AffectPipeline
from affect_core.runtime import Runtime
from affect_core.spec import ConvLSTMSpec
from affect_training.card import CARD_FILE
from affect_training.evaluate.predictions import read_predictions
from affect_training.evaluate.results import METRICS_FILE, PREDICTIONS_FILE, read_metrics
from shipped import SHIPPED

ROOT = Path(__file__).parents[2]
LARGEST_MB = 48


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint(SHIPPED)


def test_they_are_one_small_file_of_float16() -> None:
    weights = SHIPPED / WEIGHTS_FILE
    assert weights.stat().st_size <= LARGEST_MB * 1e6
    kinds = {value.dtype for value in safetensors.torch.load_file(weights).values()}
    assert kinds == {torch.float16}
    assert {path.name for path in SHIPPED.iterdir()} == {
        WEIGHTS_FILE, SPEC_FILE, METRICS_FILE, PREDICTIONS_FILE, "README.md",
    }  # fmt: skip


def test_they_are_the_published_architecture_and_say_what_they_learned_from(
    shipped: Checkpoint,
) -> None:
    architecture = shipped.spec.architecture
    assert architecture.name.startswith("vgg19-")
    assert isinstance(architecture.temporal, ConvLSTMSpec)
    assert architecture.confidence is not None
    assert "no real person" in shipped.spec.provenance.trained_on


def test_what_was_measured_was_these(shipped: Checkpoint) -> None:
    metrics = read_metrics(SHIPPED / METRICS_FILE)
    predictions = read_predictions(SHIPPED / PREDICTIONS_FILE)
    assert metrics.source.weights_sha256 == shipped.weights_sha256
    assert predictions.source.weights_sha256 == shipped.weights_sha256
    assert metrics.split == "test"


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for name in (WEIGHTS_FILE, SPEC_FILE):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    weights = bytearray((tmp_path / WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (tmp_path / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(Exception, match="the weights are damaged"):
        load_checkpoint(tmp_path)


def test_make_archive_exports_them(tmp_path: Path, shipped: Checkpoint) -> None:
    """With the Makefile's own command, into another store."""
    planned = subprocess.run(
        [
            *("make", "--no-print-directory", "-n", "-B", "-o", ".venv/.setup-done"),
            *("archive", "BIN=BIN"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    command = planned.stdout.replace("\\\n", " ").split()
    assert command[0] == "BIN/affect-train"
    assert command[-2:] == ["--model-store", "model_store"]
    program = Path(sys.executable).with_name("affect-train")
    done = subprocess.run(
        [program, *command[1:-1], tmp_path, "--precision", "float32"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = (tmp_path / CARD_FILE).read_text(encoding="utf-8")
    assert shipped.spec.provenance.trained_on in card
    assert "| mean | " in card
    with zipfile.ZipFile(tmp_path / "affect.mar") as archive:
        assert archive.read(WEIGHTS_FILE) == (SHIPPED / WEIGHTS_FILE).read_bytes()


@pytest.fixture(scope="module")
def answers(shipped: Checkpoint) -> Callable[[bytes], NDArray[np.float64]]:
    detector = choose_detector(shipped.spec.preprocess.detector).detect
    pipeline = AffectPipeline(
        Runtime(shipped, DeviceChoice.of(None)), detector, shipped.spec.preprocess, Limits()
    )

    def values(clip: bytes) -> NDArray[np.float64]:
        """(n, 2) valence and arousal of the samples with a face."""
        frames = [e.frame for e in pipeline.events([ClipJob(clip)]) if isinstance(e, FrameDone)]
        return np.array([(f.valence, f.arousal) for frame in frames for f in frame.faces])

    return values


def test_a_real_smile_is_pleasant(answers: Callable[[bytes], NDArray[np.float64]]) -> None:
    """scikit-image's astronaut, who smiles. It was never trained on."""
    assert answers(clips.portrait_pan())[:, 0].mean() > 0.2


def test_a_real_person_who_speaks_is_not_one_number(
    answers: Callable[[bytes], NDArray[np.float64]],
) -> None:
    """carphone: no output stands still, and none is at the end of its range."""
    values = answers(clips.carphone())
    assert (values.std(0) > 0.02).all()
    assert (np.abs(values) < 0.98).all()
