"""From a checkpoint and a prepared set to predictions and metrics, as the commands do it."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

import clips
from affect_core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from affect_core.engines import DeviceChoice
from affect_core.events import ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.pipeline import AffectPipeline
from affect_core.spec import PreprocessSpec
from affect_core.types import FrameAffect
from affect_training.commands.evaluate import evaluate, smooth
from affect_training.commands.figures import figures
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.dataset.prepared import PreparedSet, open_prepared
from affect_training.errors import DataError
from affect_training.evaluate.metrics import score
from affect_training.evaluate.predict import predict
from affect_training.evaluate.predictions import Predictions, read_predictions
from affect_training.evaluate.results import read_metrics
from affect_training.ratings.types import Split
from watching import Watch

CPU = DeviceChoice.of(None)

GAPS = (True, True, False, False, True, True, *[False] * 7, True, True)
"""Two tracks, and samples without a face between and inside them."""

CONTENT: Mapping[str, tuple[str, str, bytes]] = MappingProxyType(
    {
        "a/carphone.mp4": ("one", "test", clips.carphone()),
        "a/gaps.mp4": ("two", "test", clips.face_comes_and_goes(GAPS)),
        "pan.mp4": ("three", "test", clips.portrait_pan()),
        "nobody.mp4": ("three", "test", clips.no_face()),
        "faces.mp4": ("four", "test", clips.two_faces()),
        "short.mp4": ("one", "test", clips.portrait_pan(0.5)),
        "validation.mp4": ("five", "validation", clips.portrait_pan(3.0)),
        "train.mp4": ("six", "train", clips.portrait_pan(1.0)),
    }
)
"""Name to subject, split and bytes: more test clips than go through the pipeline at once."""


def gold_at(name: str, time_s: float) -> tuple[float, float]:
    """Made-up ratings (arousal, valence), other for every clip."""
    phase = sorted(CONTENT).index(name)
    return round(0.7 * np.sin(time_s + phase), 6), round(0.5 * np.cos(2 * time_s - phase), 6)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("rated")
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["clip", "subject", "time_s", "arousal", "valence", "annotator", "split"])
        for name, (subject, split, data) in CONTENT.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
            for tenth in range(5, 50):  # from 0.5 s on: the first samples are unrated
                rating = gold_at(name, tenth / 10)
                rows.writerow([name, subject, tenth / 10, *rating, "anna", split])
    out = folder / "prepared"
    options = PrepareOptions(preprocess=PreprocessSpec(crop_size=32))
    prepare(folder / "labels.csv", out, options, workers=1, progress=lambda done, total: None)
    return open_prepared(out)


def predicted(
    checkpoint: Checkpoint, prepared: PreparedSet, split: Split = "test", **more: Path
) -> Predictions:
    # The pipeline takes its checkpoint's model over; the fixture's is shared.
    return predict(checkpoint, prepared, split, CPU, progress=Watch(), **more)


@pytest.fixture(scope="module")
def test_split(checkpoint: Checkpoint, prepared: PreparedSet) -> Predictions:
    return predicted(checkpoint, prepared)


def served(pipeline: AffectPipeline, data: bytes) -> list[FrameAffect]:
    events = pipeline.events([ClipJob(data)])
    return [event.frame for event in events if isinstance(event, FrameDone)]


def test_the_numbers_are_the_servers(test_split: Predictions, pipeline: AffectPipeline) -> None:
    wanted = sorted(name for name, (_, split, _) in CONTENT.items() if split == "test")
    assert list(dict.fromkeys(test_split.clip.tolist())) == wanted
    for name in wanted:
        rows = np.flatnonzero(test_split.clip == name)
        frames = served(pipeline, CONTENT[name][2])
        assert test_split.sample[rows].tolist() == [frame.index for frame in frames]
        assert test_split.time_s[rows].tolist() == [frame.time_s for frame in frames]
        for row, frame in zip(rows, frames, strict=True):
            assert test_split.has_face[row] == bool(frame.faces)
            for face in frame.faces:
                assert test_split.track[row] == face.face.track
                assert test_split.score[row] == pytest.approx(face.face.detection.score)
                values = [face.valence, face.arousal]
                assert test_split.predicted[row] == pytest.approx(values, abs=1e-5)
    assert not test_split.has_face[test_split.clip == "nobody.mp4"].any()
    assert set(test_split.track[test_split.clip == "a/gaps.mp4"]) == {-1, 0, 1}


def test_gold_is_the_rating_that_held_at_the_sample(test_split: Predictions) -> None:
    for row in range(len(test_split.clip)):
        time = test_split.time_s[row]
        if time < 0.5:
            assert np.isnan(test_split.gold[row]).all()
            continue
        arousal, valence = gold_at(str(test_split.clip[row]), np.floor(time * 10 + 1e-6) / 10)
        assert test_split.gold[row] == pytest.approx([valence, arousal])


def test_source_says_what_answered_and_about_what(
    test_split: Predictions, checkpoint: Checkpoint, prepared: PreparedSet
) -> None:
    source = test_split.source
    assert source.architecture == "vgg19-0.125-convlstm"
    assert source.weights_sha256 == checkpoint.weights_sha256
    assert source.trained_on == checkpoint.spec.provenance.trained_on
    assert (source.manifest, source.gold) == ("labels.csv", "mean")
    assert source.manifest_sha256 == prepared.info.manifest_sha256


def test_progress_counts_samples_to_the_end(
    checkpoint: Checkpoint, prepared: PreparedSet, test_split: Predictions
) -> None:
    watch = Watch()
    predict(checkpoint, prepared, "test", CPU, progress=watch)
    name, total = "vgg19-0.125-convlstm: samples of test", len(test_split.clip)
    assert watch.seen == [(name, done, total) for done in range(total + 1)]


def test_clips_that_moved_are_found_where_they_are_now(
    checkpoint: Checkpoint, prepared: PreparedSet, tmp_path: Path
) -> None:
    shutil.copy(Path(prepared.info.manifest).parent / "validation.mp4", tmp_path)
    moved = dataclasses.replace(
        prepared, info=prepared.info.model_copy(update={"manifest": "/nowhere/labels.csv"})
    )
    with pytest.raises(DataError, match=r"/nowhere/validation.mp4 is gone .* --clips"):
        predicted(checkpoint, moved, "validation")
    found = predicted(checkpoint, moved, "validation", clips=tmp_path)
    assert found.split == "validation"
    assert set(found.clip) == {"validation.mp4"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a clip", r"validation.mp4 cannot be read"),
        (clips.portrait_pan(2.0), r"validation.mp4 has \d+ samples now and had \d+"),
    ],
)
def test_a_clip_that_broke_or_changed_is_named(
    checkpoint: Checkpoint, prepared: PreparedSet, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "validation.mp4").write_bytes(content)
    with pytest.raises(DataError, match=message):
        predicted(checkpoint, prepared, "validation", clips=tmp_path)


def test_what_does_not_fit_together_is_refused(
    checkpoint: Checkpoint, prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    preprocess = checkpoint.spec.preprocess.model_copy(update={"sample_fps": 10.0})
    spec = checkpoint.spec.model_copy(update={"preprocess": preprocess})
    with pytest.raises(DataError, match=r"samples 10 frames a second .* prepared at 5"):
        predicted(dataclasses.replace(checkpoint, spec=spec), prepared)
    empty = dataclasses.replace(prepared, index=prepared.index[prepared.index["split"] == "train"])
    with pytest.raises(DataError, match="no clip in the split test"):
        predicted(checkpoint, empty)
    haar = choose_detector("haar")
    stand_in = dataclasses.replace(haar, fallback_reason="no wheel")
    monkeypatch.setattr("affect_training.dataset.detector.choose_detector", lambda name: stand_in)
    with pytest.raises(DataError, match=r"libfacedetection cannot run here \(no wheel\)"):
        predicted(checkpoint, prepared)


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(evaluate)
    made.command()(smooth)
    made.command()(figures)
    return made


def run(app: typer.Typer, *arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "400"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_evaluate_writes_predictions_and_metrics_and_says_what_they_hold_for(
    app: typer.Typer,
    unpacked: Path,
    prepared: PreparedSet,
    test_split: Predictions,
    tmp_path: Path,
) -> None:
    out = tmp_path / "new" / "run"
    code, text = run(app, "evaluate", unpacked, prepared.folder, out, "--resamples", 50)
    assert code == 0
    read = read_predictions(out / "predictions.parquet")
    assert read.predicted == pytest.approx(test_split.predicted, abs=1e-5, nan_ok=True)
    metrics = read_metrics(out / "metrics.json")
    scored = read.scored
    scores = score(read.predicted[scored], read.gold[scored])
    assert metrics.valence.ccc.value == pytest.approx(scores.valence.ccc)
    assert (metrics.clips, metrics.subjects, metrics.scored) == (6, 4, scored.sum())
    assert metrics.split == "test"
    for said in (
        f"{scores.mean.ccc:.3f}",
        f"coverage {metrics.coverage:.1%}",
        "Weights trained on: Nothing: random weights, for tests.",
        "Not validated for: ",
        "4 subjects they are too narrow",
    ):
        assert said in text


def test_smooth_writes_a_checkpoint_with_the_filter_that_validation_likes_best(
    app: typer.Typer, unpacked: Path, prepared: PreparedSet, tmp_path: Path
) -> None:
    code, text = run(app, "smooth", unpacked, prepared.folder, tmp_path / "smooth")
    assert code == 0
    before, after = load_checkpoint(unpacked), load_checkpoint(tmp_path / "smooth")
    tau = after.spec.output_smoothing_s
    # How often the outputs come out right is another thing once they are smooth.
    assert before.model.confidence is not None
    assert after.model.confidence is None
    assert "confidence was about other outputs" in text
    architecture = before.spec.architecture.model_copy(update={"confidence": None})
    changed = {"output_smoothing_s": tau, "architecture": architecture}
    assert after.spec == before.spec.model_copy(update=changed)
    known = dict(before.model.named_parameters())
    assert all(torch.equal(value, known[name]) for name, value in after.model.named_parameters())
    assert f"{tau:.3f} s" in next(line for line in text.splitlines() if "chosen" in line)
    filtered = predicted(after, prepared, "validation")
    plain = predicted(before, prepared, "validation")
    assert filtered.source.output_smoothing_s == tau
    scored = plain.scored
    ccc = [score(p.predicted[scored], p.gold[scored]).mean.ccc or 0.0 for p in (plain, filtered)]
    assert ccc[1] >= ccc[0]


def test_smoothing_twice_fits_on_plain_outputs(
    app: typer.Typer, unpacked: Path, prepared: PreparedSet, tmp_path: Path
) -> None:
    first = load_checkpoint(unpacked)
    changed = first.spec.model_copy(update={"output_smoothing_s": 7.0})
    save_checkpoint(tmp_path / "before", first.model, changed)
    for name, checkpoint in (("a", unpacked), ("b", tmp_path / "before")):
        assert run(app, "smooth", checkpoint, prepared.folder, tmp_path / name)[0] == 0
    assert (tmp_path / "a" / "spec.json").read_bytes() == (
        tmp_path / "b" / "spec.json"
    ).read_bytes()


def test_figures_show_the_prepared_gold_standard(
    app: typer.Typer, prepared: PreparedSet, tmp_path: Path
) -> None:
    code, _ = run(app, "figures", tmp_path, "--prepared", prepared.folder)
    assert code == 0
    assert sorted(file.name for file in tmp_path.glob("*.png")) == [
        "figure-05-arousal-labels.png",
        "figure-06-valence-labels.png",
        "figure-08-plane.png",
    ]
    rated = prepared.index["valence"].notna().sum()
    svg = (tmp_path / "figure-08-plane.svg").read_text()
    assert f"<!-- {rated} values: gold standard (mean) of the rated samples" in svg


@pytest.mark.parametrize("command", ["evaluate", "smooth"])
def test_what_is_missing_is_one_sentence_and_exit_code_1(
    app: typer.Typer, command: str, unpacked: Path, prepared: PreparedSet, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing[bold]"
    for arguments, name in (
        ((nothing, prepared.folder), "spec.json"),
        ((unpacked, nothing), "prepare.json"),
    ):
        code, text = run(app, command, *arguments, tmp_path / "out")
        assert code == 1
        assert str(nothing / name) in text
        assert "Traceback" not in text
    (tmp_path / "file").write_text("in the way")
    code, text = run(app, command, unpacked, prepared.folder, tmp_path / "file" / "out")
    assert code == 1
    assert str(tmp_path / "file" / "out") in text
