from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from affect_training.dataset.prepared import PreparedSet, TrackRef, open_prepared
from affect_training.errors import DataError
from affect_training.ratings.types import SPLITS


@pytest.fixture
def copy(prepared_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared_folder, tmp_path / "out")
    return tmp_path / "out"


def all_tracks(prepared: PreparedSet) -> list[TrackRef]:
    return [track for split in SPLITS for track in prepared.tracks(split)]


def test_tracks_hold_every_face_once_and_in_order(prepared_folder: Path) -> None:
    prepared = open_prepared(prepared_folder)
    tracks = all_tracks(prepared)
    faces = prepared.index[prepared.index["track"].notna()]
    found = sorted((t.clip, t.track, int(n)) for t in tracks for n in t.sample)
    assert found == sorted(zip(faces["clip"], faces["track"], faces["sample"], strict=True))
    for split in SPLITS:
        refs = prepared.tracks(split)
        assert [(r.clip, r.track) for r in refs] == sorted((r.clip, r.track) for r in refs)
        subjects = set(prepared.index[prepared.index["split"] == split]["subject"])
        assert {r.subject for r in refs} <= subjects
    goes = next(t for t in tracks if t.clip == "clips/comes-and-goes.mp4")
    assert goes.sample.tolist() == [0, 1, 4, 5]
    assert goes.time_s.tolist() == [0.0, 0.2, 0.8, 1.0]


def test_a_track_has_the_gold_standard_with_nan_where_unrated(prepared_folder: Path) -> None:
    prepared = open_prepared(prepared_folder)
    car = next(t for t in all_tracks(prepared) if t.clip == "clips/car.mp4")
    assert np.isnan(car.arousal).tolist() == [False] * 16 + [True] * 4
    own = prepared.index[prepared.index["clip"] == "clips/car.mp4"]
    assert np.array_equal(car.valence, own["valence"], equal_nan=True)


def test_the_index_s_digest_is_taken_once(
    prepared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = open_prepared(prepared_folder)
    content = (prepared_folder / "index.parquet").read_bytes()
    assert prepared.index_sha256 == hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(prepared, "folder", None)
    assert prepared.index_sha256 == pickle.loads(pickle.dumps(prepared)).index_sha256  # noqa: S301


def test_any_stretch_of_crops_is_that_stretch(prepared_folder: Path) -> None:
    prepared = open_prepared(prepared_folder)
    car = next(t for t in all_tracks(prepared) if t.clip == "clips/car.mp4")
    crops = prepared.read_crops(car, 0, len(car))
    assert crops.shape == (20, 32, 32, 3)
    assert crops.dtype == np.uint8
    assert np.array_equal(prepared.read_crops(car, 5, 9), crops[5:9])
    assert len({crop.tobytes() for crop in crops}) > 15
    for start, stop in [(3, 3), (-1, 2), (0, 21)]:
        with pytest.raises(ValueError, match="of a track of 20"):
            prepared.read_crops(car, start, stop)


def test_a_set_travels_to_another_process_without_its_open_files(prepared_folder: Path) -> None:
    prepared = open_prepared(prepared_folder)
    track = all_tracks(prepared)[0]
    crops = prepared.read_crops(track, 0, 1)
    other = pickle.loads(pickle.dumps(prepared))  # noqa: S301
    prepared.close()
    assert np.array_equal(other.read_crops(track, 0, 1), crops)
    assert np.array_equal(prepared.read_crops(track, 0, 1), crops)
    other.close()
    prepared.close()


def test_few_files_are_open_at_once(prepared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affect_training.dataset.prepared._MAX_OPEN", 1)
    prepared = open_prepared(prepared_folder)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for track in all_tracks(prepared) * 2:
        prepared.read_crops(track, 0, 1)
        assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1
    prepared.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_whole_shards_pass(prepared_folder: Path) -> None:
    open_prepared(prepared_folder).verify()


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "record"])
def test_a_corrupt_shard_is_named(copy: Path, damage: str) -> None:
    path = copy / "shards" / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "gone":
        path.unlink()
    else:
        path.with_suffix(".parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="shard-000001"):
        open_prepared(copy).verify()


@pytest.mark.parametrize("damage", ["cut", "gone", "swapped"])
def test_reading_from_a_corrupt_shard_names_it(copy: Path, damage: str) -> None:
    prepared = open_prepared(copy)
    pan = next(t for t in all_tracks(prepared) if t.clip == "clips/pan.mp4")
    path = copy / "shards" / pan.shard
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: int(pan.offset[5])])
        prepared.read_crops(pan, 0, 4)
    elif damage == "gone":
        path.unlink()
    else:
        shutil.copy(copy / "shards" / "shard-000000.tar", path)
    with pytest.raises(DataError, match=pan.shard):
        prepared.read_crops(pan, 0, len(pan))


def test_what_is_no_prepared_set_is_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path} is no prepared set"):
        open_prepared(tmp_path)
    index = (copy / "index.parquet").read_bytes()
    (copy / "index.parquet").write_bytes(index[:100])
    with pytest.raises(DataError, match=r"index\.parquet is damaged"):
        open_prepared(copy)
    (copy / "index.parquet").unlink()
    with pytest.raises(DataError, match="not finished"):
        open_prepared(copy)
    text = (copy / "prepare.json").read_text()
    (copy / "prepare.json").write_text(text.replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(DataError, match="not what this version of affectline writes"):
        open_prepared(copy)


def test_a_track_is_in_order() -> None:
    def ref(sample: list[int], sizes: int = 2) -> TrackRef:
        numbers, values = np.array(sample, dtype=np.int64), np.zeros(2)
        size = np.zeros(sizes, dtype=np.int64)
        return TrackRef("a", "s", 0, "x.tar", numbers, values, values, values, numbers, size)

    assert len(ref([3, 5])) == 2
    with pytest.raises(ValueError, match="do not increase"):
        ref([5, 3])
    with pytest.raises(ValueError, match="size has shape"):
        ref([3, 5], sizes=3)
