"""Features of a frozen backbone on disk."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
from copy import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_core.model import AffectModel
from affect_core.spec import ModelSpec
from affect_training.dataset.info import INFO_FILE
from affect_training.dataset.prepared import PreparedSet, TrackRef, open_prepared
from affect_training.errors import DataError
from affect_training.fit.augment import Augment
from affect_training.fit.features import FeatureSource, View, computed_features
from affect_training.fit.recipe import AugmentConfig
from affect_training.fit.windows import Window
from models import lively_model


@pytest.fixture(scope="module")
def model(tiny_spec: ModelSpec) -> AffectModel:
    return lively_model(tiny_spec)


@pytest.fixture
def view(prepared: PreparedSet, tracks: list[TrackRef]) -> View:
    # The longest track would take most of the time: 13 crops will do.
    return View(prepared, tracks[1:], 32, None, 4, "32-true")


def silent(done: int, total: int) -> None:
    """No bar."""


def test_rows_are_the_model_s_features_in_order(
    view: View, model: AffectModel, features_folder: Path
) -> None:
    steps: list[tuple[int, int]] = []
    file = computed_features(view, model, features_folder, lambda *step: steps.append(step))
    source = FeatureSource([file], view.tracks)
    assert steps == [(7, 13), (10, 13), (13, 13)]
    for number, track in enumerate(view.tracks):
        crops = torch.from_numpy(view.prepared.read_crops(track, 0, len(track)))
        with torch.inference_mode():
            expected = model.features(crops)
        got = source.read(Window(number, 0, len(track), 1))
        assert got.dtype == torch.float16
        torch.testing.assert_close(got.float(), expected, rtol=1e-3, atol=1e-4)
        part = source.read(Window(number, 1, len(track), 1))
        assert torch.equal(part, got[1:])
    assert expected.std() > 1e-3


def test_an_augmented_view_holds_one_draw_for_each_track(
    view: View, model: AffectModel, features_folder: Path
) -> None:
    config = AugmentConfig(noise=0)
    augmented = dataclasses.replace(view, augment=config)
    file = computed_features(augmented, model, features_folder, silent)
    got = FeatureSource([file], view.tracks).read(Window(0, 0, 7, 1)).float()
    crops = torch.from_numpy(view.prepared.read_crops(view.tracks[0], 0, 7))
    draw = int(np.random.default_rng((view.seed, 0)).integers(2**31))
    with torch.inference_mode():
        expected = model.features(Augment(config)(crops, draw))
        plain = model.features(crops)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
    assert (got - plain).abs().max() > 1e-2


def test_a_file_is_made_once(
    view: View, model: AffectModel, features_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = computed_features(view, model, features_folder, silent)
    made = first.stat().st_mtime_ns

    def refuse(*_: object) -> None:
        raise AssertionError("features were computed again")

    monkeypatch.setattr(AffectModel, "features", refuse)
    assert computed_features(view, model, features_folder, silent) == first
    assert first.stat().st_mtime_ns == made
    assert [path.name for path in features_folder.iterdir()] == [first.name]


def test_everything_that_features_depend_on_gives_a_file_of_its_own(
    view: View, model: AffectModel, tiny_spec: ModelSpec, features_folder: Path
) -> None:
    short = dataclasses.replace(view, tracks=view.tracks[2:])
    recut = copy(view.prepared)
    recut.index_sha256 = "ab" * 32
    augmented = dataclasses.replace(short, augment=AugmentConfig())
    other = lively_model(tiny_spec)
    with torch.no_grad():
        next(other.backbone.parameters()).flatten()[0] += 1e-3
    views = [
        short,
        dataclasses.replace(short, tracks=view.tracks[1:2]),
        augmented,
        dataclasses.replace(augmented, seed=5),
        dataclasses.replace(augmented, augment=AugmentConfig(hue=0)),
        dataclasses.replace(short, precision="bf16-mixed"),
        dataclasses.replace(short, prepared=recut),
    ]
    files = [computed_features(v, model, features_folder, silent) for v in views]
    files.append(computed_features(short, other, features_folder, silent))
    assert len(set(files)) == len(files)
    # Without augmentation there is no draw, so the seed changes nothing.
    seeded = dataclasses.replace(short, seed=9)
    assert computed_features(seeded, model, features_folder, silent) == files[0]


def test_a_set_that_was_moved_has_the_same_features(
    view: View, model: AffectModel, features_folder: Path, tmp_path: Path
) -> None:
    short = dataclasses.replace(view, tracks=view.tracks[2:])
    file = computed_features(short, model, features_folder, silent)
    shutil.copytree(view.prepared.folder, tmp_path / "moved")
    info = view.prepared.info.model_copy(update={"manifest": "/elsewhere/labels.csv"})
    (tmp_path / "moved" / INFO_FILE).write_text(info.model_dump_json())
    moved = dataclasses.replace(short, prepared=open_prepared(tmp_path / "moved"))
    assert computed_features(moved, model, features_folder, silent) == file


def test_what_breaks_off_leaves_no_file(
    view: View, model: AffectModel, features_folder: Path
) -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        computed_features(view, model, features_folder, fail)
    assert list(features_folder.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_no_file(
    view: View, model: AffectModel, features_folder: Path, full_disk: None
) -> None:
    short = dataclasses.replace(view, tracks=view.tracks[2:])
    with pytest.raises(DataError, match=r"features/.*\.npy cannot be written: No space left"):
        computed_features(short, model, features_folder, silent)
    assert list(features_folder.iterdir()) == []


def test_the_seed_picks_the_view_and_other_processes_open_their_own(
    view: View, features_folder: Path
) -> None:
    features_folder.mkdir()
    files = []
    for number in range(3):
        rows = np.arange(13 * 2, dtype=np.float16).reshape(13, 2, 1, 1) + 100 * number
        files.append(features_folder / f"{number}.npy")
        np.save(files[-1], rows)
    source = FeatureSource(files, view.tracks)
    window = Window(1, 0, 3, 7)
    got = source.read(window)
    assert got[:, :, 0, 0].tolist() == [[114, 115], [116, 117], [118, 119]]
    sent = pickle.dumps(source)
    assert len(sent) < 2000
    assert torch.equal(pickle.loads(sent).read(window), got)  # noqa: S301
