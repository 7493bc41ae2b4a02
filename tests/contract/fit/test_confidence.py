"""Confidence learned on a prepared set: which frames come out right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from typer.testing import CliRunner

from affect_core.checkpoint import load_checkpoint, save_checkpoint
from affect_core.spec import ConfidenceSpec, ModelSpec, PreprocessSpec, Provenance
from affect_training.cli import app
from affect_training.confidence import Standard, calibration_of, learn_confidence, look
from affect_training.dataset.prepared import open_prepared
from affect_training.errors import DataError
from affect_training.fit.data import CropSource
from affect_training.ratings.types import Split
from fitted import MadeTrack, make_prepared
from models import lively_model

SPEC = ModelSpec(
    preprocess=PreprocessSpec(crop_size=32),
    provenance=Provenance(trained_on="nothing, for tests", versions={}),
)
SPLITS: tuple[tuple[Split, int], ...] = (("train", 1), ("validation", 12))
PEOPLE = {
    f"{split}{number}": MadeTrack(split, "rrrrurrrrrrrrrrrrrrr")
    for split, count in SPLITS
    for number in range(count)
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_prepared(tmp_path_factory.mktemp("people") / "prepared", PEOPLE)


def test_it_is_calibrated_and_the_same_again(people: Path) -> None:
    model, prepared = lively_model(SPEC), open_prepared(people)
    told: list[tuple[int, int]] = []
    heads = [
        learn_confidence(
            model, prepared, ConfidenceSpec(tolerance=0.6), smoothing_s=0, views=1, seed=4,
            advance=lambda done, whole: told.append((done, whole)),
        )
        for _ in range(2)
    ]  # fmt: skip
    (head, calibration), (again, _) = heads
    assert all(map(torch.equal, head.parameters(), again.parameters()))
    assert sum(calibration.count) == 6 * 19
    # The mean confidence is the share that came out right: what the offset is fitted for.
    means = [
        np.average(v, weights=calibration.count)
        for v in (calibration.confidence, calibration.share)
    ]
    assert means[0] == pytest.approx(means[1], abs=0.01)
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("smoothing_s", [0, 0.7])
def test_what_it_looks_at_is_what_the_model_serves(people: Path, smoothing_s: float) -> None:
    model, prepared = lively_model(SPEC), open_prepared(people)
    tracks = prepared.tracks("validation")[:1]
    source = CropSource(prepared, tracks, 32, None)
    frames = look(model, source, tracks, Standard(0.6, smoothing_s), 0)
    crops = torch.from_numpy(prepared.read_crops(tracks[0], 0, len(tracks[0])))
    with torch.inference_mode():
        state = model.temporal.initial_state(1)
        mask = torch.ones((1, len(crops)), dtype=torch.bool)
        outputs, _ = model.temporal(model.features(crops)[None], mask, state)
    rated = ~np.isnan(tracks[0].arousal)
    gold = np.stack([tracks[0].valence, tracks[0].arousal], axis=1)[rated]
    gain = 1 - np.exp(-0.2 / smoothing_s) if smoothing_s else 1
    served = [outputs[0, 0].double().numpy()]
    for value in outputs[0, 1:].double().numpy():
        served.append(served[-1] + gain * (value - served[-1]))
    right = (np.abs(np.array(served)[rated] - gold) <= 0.6).all(1)
    assert frames.right.numpy().tolist() == right.tolist()
    np.testing.assert_allclose(frames.seen[:, -2:].numpy(), outputs[0].numpy()[rated], atol=1e-5)


def test_where_all_frames_come_out_alike_there_is_nothing_to_learn(people: Path) -> None:
    with pytest.raises(DataError, match="all came out alike"):
        learn_confidence(
            lively_model(SPEC), open_prepared(people), ConfidenceSpec(tolerance=1.99),
            smoothing_s=0, views=0, seed=0, advance=lambda *_: None,
        )  # fmt: skip


def test_the_command_writes_a_checkpoint_that_knows(people: Path, tmp_path: Path) -> None:
    trained, sure = tmp_path / "trained", tmp_path / "sure"
    save_checkpoint(trained, lively_model(SPEC), SPEC)
    arguments = [str(trained), str(people), str(sure), "--tolerance", "0.6", "--views", "0"]
    done = CliRunner().invoke(app, ["confidence", *arguments])
    assert done.exit_code == 0, done.output
    before, after = load_checkpoint(trained), load_checkpoint(sure)
    assert before.model.confidence is None
    assert after.model.confidence is not None
    assert after.spec.architecture.confidence == ConfidenceSpec(tolerance=0.6)
    known = dict(after.model.named_parameters())
    assert all(torch.equal(value, known[name]) for name, value in before.model.named_parameters())
    assert "came out right" in done.output


@given(arrays(np.float64, 40, elements=st.floats(0, 1)), arrays(np.bool_, 40))
def test_every_frame_is_in_one_tenth(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
    found = calibration_of(sure, right)
    assert sum(found.count) == 40
    assert np.average(found.share, weights=found.count) == pytest.approx(right.mean())
    assert np.average(found.confidence, weights=found.count) == pytest.approx(sure.mean())
    assert abs(sure.mean() - right.mean()) - 1e-9 <= found.error <= 1
