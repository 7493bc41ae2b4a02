from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from affect_core.frontend import prepare_samples
from affect_core.spec import PreprocessSpec
from affect_training.dataset import detector, job
from affect_training.dataset.lock import only_run
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.dataset.prepared import open_prepared
from affect_training.dataset.shards import ShardWriter, encode_jpeg
from affect_training.dataset.tables import Report
from affect_training.errors import DataError, TrainingError
from affect_training.ratings.manifest import read_manifest, write_manifest
from affect_training.ratings.types import RatedClip, Trace
from clips import Image, audio_only, carphone, no_face, portrait_pan, remux, truncated
from rated import sine_trace, small_clips, write_set


def run(manifest: Path, out: Path, options: PrepareOptions) -> Report:
    return prepare(manifest, out, options, 1, lambda done, total: None)


def contents(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def changed(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in sorted((folder / "shards").iterdir())}


def replaced(options: PrepareOptions, **changes: object) -> PrepareOptions:
    values = {name: getattr(options, name) for name in options.__slots__}
    return PrepareOptions(**{**values, **changes})


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_set(tmp_path, small_clips())


def test_every_sample_of_every_clip_has_a_row(prepared_folder: Path) -> None:
    index = open_prepared(prepared_folder).index
    assert index.groupby("clip")["sample"].apply(list).to_dict() == {
        "clips/car.mp4": list(range(20)),
        "clips/comes-and-goes.mp4": list(range(6)),
        "clips/nobody.mp4": list(range(5)),
        "clips/pan.mp4": list(range(10)),
        "clips/short.mp4": list(range(2)),
        "clips/wide.mp4": list(range(5)),
    }
    assert (index["time_s"] == index["sample"] / 5).all()
    assert list(index["clip"]) == sorted(index["clip"])
    faceless = index["track"].isna()
    assert set(index[faceless]["clip"]) == {"clips/comes-and-goes.mp4", "clips/nobody.mp4"}
    for name in ("score", "box_x", "box_y", "box_width", "box_height", "shard", "offset", "size"):
        assert (index[name].isna() == faceless).all()


def test_gold_is_the_mean_of_both_annotators_at_the_sample(prepared_folder: Path) -> None:
    index = open_prepared(prepared_folder).index
    t = index["time_s"]
    rated = t < 3.2  # the last rating is at 2.96 s, and a sample at 3.0 may still take it
    mean = (np.sin(t) + np.sin(t + 0.1)) / 4
    late = t == 3.0
    mean[late] = (np.sin(2.96) + np.sin(3.06)) / 4
    assert np.allclose(index["arousal"][rated], mean[rated])
    assert index["arousal"].isna().tolist() == (~rated).tolist()
    assert index["valence"].isna().tolist() == (~rated).tolist()
    assert index["annotators"].tolist() == [2 if r else 0 for r in rated]


def test_ewe_weighs(manifest: Path, tmp_path: Path, options: PrepareOptions) -> None:
    clips = read_manifest(manifest)
    contrary = sine_trace("XX", 3.0, np.pi)
    write_manifest(
        manifest,
        [RatedClip(c.clip, c.subject, None, (*c.traces, contrary)) for c in clips],
    )
    report = run(manifest, tmp_path / "out", replaced(options, gold="ewe"))
    assert report.weights["XX"].arousal == 0
    assert report.weights["FM1"].arousal > 0.9
    index = open_prepared(tmp_path / "out").index
    first = index[index["time_s"] == 0.2]
    assert np.allclose(first["arousal"], (np.sin(0.2) + np.sin(0.3)) / 4, atol=0.002)


def test_the_report_counts_what_is_missing(prepared_folder: Path) -> None:
    report = Report.model_validate_json((prepared_folder / "report.json").read_bytes())
    clips = {Path(c.clip).stem: c for c in report.clips}
    assert clips["car"].samples_after_ratings == 4
    assert clips["car"].unrated == 4
    assert clips["car"].ratings_after_clip == 0
    assert clips["short"].ratings_after_clip == 2 * (75 - 11)
    assert (clips["nobody"].faces, clips["nobody"].no_face, clips["nobody"].usable) == (0, 5, 0)
    assert clips["comes-and-goes"].no_face == 2
    assert report.totals["samples"] == 48
    assert report.totals["usable"] == sum(part.usable for part in report.splits.values()) == 37
    assert report.agreement["arousal"].annotators == 2
    assert report.agreement["arousal"].alpha is not None
    text = (prepared_folder / "report.md").read_text(encoding="utf-8")
    assert "| clips/nobody.mp4 | 5 | 5 | 0 |" in text
    assert "Cronbach" in text


def test_the_same_input_gives_the_same_set(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    run(manifest, tmp_path / "a", options)
    run(manifest, tmp_path / "b", options)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_second_run_makes_no_shard_and_changes_nothing(
    prepared_folder: Path, options: PrepareOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, times = contents(prepared_folder), changed(prepared_folder)

    def never(*args: object) -> None:
        raise AssertionError("a clip was decoded again")

    monkeypatch.setattr(job, "OpenClip", never)
    run(prepared_folder.parent / "labels.csv", prepared_folder, options)
    assert contents(prepared_folder) == before
    assert changed(prepared_folder) == times


def test_other_ratings_need_no_new_crops(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    out = tmp_path / "out"
    run(manifest, out, options)
    times, index = changed(out), open_prepared(out).index
    clips = read_manifest(manifest)
    write_manifest(manifest, [RatedClip(c.clip, c.subject, None, c.traces[:1]) for c in clips])
    run(manifest, out, replaced(options, seed=1))
    assert changed(out) == times
    again = open_prepared(out).index
    assert not np.allclose(again["arousal"], index["arousal"], equal_nan=True)
    assert again["offset"].equals(index["offset"])


def test_another_clip_makes_its_shard_anew_and_no_other(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    out = tmp_path / "out"
    run(manifest, out, options)
    times = changed(out)
    (tmp_path / "clips" / "pan.mp4").write_bytes(portrait_pan(1.2))
    run(manifest, out, options)
    new = {name for name, time in changed(out).items() if time != times[name]}
    assert new == {"shard-000001.tar", "shard-000001.parquet"}
    index = open_prepared(out).index
    assert (index["clip"] == "clips/pan.mp4").sum() == 6


def test_a_shorter_manifest_leaves_no_shard_behind(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    out = tmp_path / "out"
    run(manifest, out, options)
    (out / "shards" / "shard-000001.tar.tmp").write_bytes(b"left by a killed run")
    write_manifest(manifest, read_manifest(manifest)[:3])
    run(manifest, out, options)
    assert [p.name for p in sorted((out / "shards").iterdir())] == [
        f"shard-00000{n}.{kind}" for n in range(2) for kind in ("parquet", "tar")
    ]
    open_prepared(out).verify()


@pytest.mark.parametrize("victim", ["shard-000001.tar", "shard-000001.parquet"])
@pytest.mark.parametrize("damage", ["gone", "flipped", "cut", "footer"])
def test_a_damaged_shard_is_made_anew(
    tmp_path: Path, prepared_folder: Path, options: PrepareOptions, victim: str, damage: str
) -> None:
    shutil.copytree(prepared_folder.parent, tmp_path / "set")
    out = tmp_path / "set" / "out"
    (out / "prepare.json").unlink()  # it names the manifest of the place copied from
    path = out / "shards" / victim
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[:-1])
    else:
        data[-3 if damage == "footer" else 60] ^= 0xFF
        path.write_bytes(data)
    times = changed(out)
    run(tmp_path / "set" / "labels.csv", out, options)
    new = {name for name, time in changed(out).items() if times.get(name) != time}
    assert new == {"shard-000001.tar", "shard-000001.parquet"}
    expected = contents(prepared_folder)
    for name, digest in contents(out).items():
        assert digest == expected[name] or name == "prepare.json"


def test_a_clip_that_cannot_be_read_is_dropped_with_its_code(
    tmp_path: Path, options: PrepareOptions
) -> None:
    clips = {**small_clips(), "bad.mp4": b"no video", "sound.mp4": audio_only()}
    clips["cut.mkv"] = truncated(remux(carphone(), container="matroska"))
    report = run(write_set(tmp_path, clips), tmp_path / "out", options)
    assert {c.clip: c.dropped_code for c in report.dropped} == {
        "clips/bad.mp4": "undecodable_clip",
        "clips/sound.mp4": "no_video_stream",
    }
    cut = next(c for c in report.clips if c.clip == "clips/cut.mkv")
    assert cut.truncated
    assert cut.samples == 12
    # 3 s of ratings, and 2.4 s of clip though its header says 4.
    assert cut.ratings_after_clip > 0
    prepared = open_prepared(tmp_path / "out")
    prepared.verify()
    assert not prepared.index["clip"].isin(["clips/bad.mp4", "clips/sound.mp4"]).any()
    assert "clips/bad.mp4: undecodable_clip" in (tmp_path / "out" / "report.md").read_text()


def test_a_clip_dropped_half_way_leaves_no_crop(
    manifest: Path, tmp_path: Path, options: PrepareOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affect_core.errors import ClipTooLongError

    real = prepare_samples

    def failing(reader: object, *rest: object) -> object:
        for sample in real(reader, *rest):  # type: ignore[arg-type]
            if sample.index == 7:
                raise ClipTooLongError("half way")
            yield sample

    monkeypatch.setattr("affect_training.dataset.clip.prepare_samples", failing)
    report = run(manifest, tmp_path / "out", options)
    assert {Path(c.clip).stem for c in report.dropped} == {"car", "pan"}
    prepared = open_prepared(tmp_path / "out")
    assert len(prepared.index) == 18
    for track in prepared.tracks("train") + prepared.tracks("test"):
        prepared.read_crops(track, 0, len(track))
    prepared.verify()


def test_shards_without_any_face_or_any_clip_are_shards_too(
    tmp_path: Path, options: PrepareOptions
) -> None:
    names = ["0.mp4", "1.mp4", "2.mp4", "3.mp4", "4.mp4"]
    clips = dict.fromkeys(names[:2], no_face(1.0)) | dict.fromkeys(names[2:4], b"no video")
    clips["4.mp4"] = portrait_pan()
    manifest = write_set(tmp_path, clips, splits=dict.fromkeys(names, "train"))
    report = run(manifest, tmp_path / "out", options)
    assert [len(report.dropped), report.totals["no_face"], report.totals["faces"]] == [2, 10, 10]
    prepared = open_prepared(tmp_path / "out")
    prepared.verify()
    assert len(prepared.tracks("train")) == 1
    assert prepared.tracks("test") == []


def test_a_defect_names_the_clip_and_keeps_what_was_finished(
    manifest: Path, tmp_path: Path, options: PrepareOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = encode_jpeg
    calls = []

    def failing(pixels: Image) -> bytes:
        calls.append(pixels)
        if len(calls) > 30:
            raise RuntimeError("out of luck")
        return real(pixels)

    monkeypatch.setattr(job, "encode_jpeg", failing)
    with pytest.raises(TrainingError, match=r"pan\.mp4 failed .*RuntimeError: out of luck"):
        run(manifest, tmp_path / "out", options)
    assert sorted(changed(tmp_path / "out")) == ["shard-000000.parquet", "shard-000000.tar"]


def test_if_no_clip_is_left_it_says_so(tmp_path: Path, options: PrepareOptions) -> None:
    manifest = write_set(tmp_path, {f"{n}.mp4": b"x%d" % n for n in range(3)})
    with pytest.raises(DataError, match=r"None of the 3 clips.*clips/0\.mp4: 2 bytes"):
        run(manifest, tmp_path / "out", options)
    with pytest.raises(DataError, match="not finished"):
        open_prepared(tmp_path / "out")


def test_faces_without_ratings_are_nothing_to_learn_from(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    late = Trace("FM1", np.array([50.0]), np.zeros(1), np.zeros(1))
    clips = read_manifest(manifest)
    write_manifest(manifest, [RatedClip(c.clip, c.subject, None, (late,)) for c in clips])
    with pytest.raises(DataError, match=r"No sample has both a face and a rating.*report\.md"):
        run(manifest, tmp_path / "out", options)
    report = Report.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert report.totals["ratings_after_clip"] == 6
    assert report.totals["unrated"] == report.totals["samples"] == 48


def test_a_missing_clip_is_named_with_its_line_before_any_work(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    (tmp_path / "clips" / "pan.mp4").unlink()
    line = 1 + next(
        n for n, text in enumerate(manifest.read_text().splitlines()) if "pan.mp4" in text
    )
    with pytest.raises(DataError, match=rf"labels\.csv, line {line}: there is no clip .*pan\.mp4"):
        run(manifest, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_one_recording_in_two_splits_is_an_error(tmp_path: Path, options: PrepareOptions) -> None:
    clips = {**small_clips(), "copy.mp4": carphone()}
    splits = dict.fromkeys(clips, "train") | {"copy.mp4": "test"}
    manifest = write_set(tmp_path, clips, splits=splits)  # type: ignore[arg-type]
    with pytest.raises(
        DataError, match=r"clips/car\.mp4 \(train\) and clips/copy\.mp4 \(test\) are the same"
    ):
        run(manifest, tmp_path / "out", options)


def test_subjects_do_not_cross_splits(prepared_folder: Path) -> None:
    index = open_prepared(prepared_folder).index
    assert (index.groupby("subject")["split"].nunique() == 1).all()
    assert set(index["split"]) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preprocess": PreprocessSpec(crop_size=64)}, "preprocess"),
        ({"clips_per_shard": 3}, "clips_per_shard is 2, and 3"),
    ],
)
def test_a_set_of_other_settings_is_not_overwritten(
    prepared_folder: Path, options: PrepareOptions, changes: dict[str, object], said: str
) -> None:
    before = contents(prepared_folder)
    with pytest.raises(DataError, match=f"{prepared_folder} holds a set whose {said}"):
        run(prepared_folder.parent / "labels.csv", prepared_folder, replaced(options, **changes))
    assert contents(prepared_folder) == before


def test_a_set_of_another_manifest_is_not_overwritten(
    prepared_folder: Path, manifest: Path, options: PrepareOptions
) -> None:
    with pytest.raises(DataError, match="holds a set whose manifest is"):
        run(manifest, prepared_folder, options)


def test_a_detector_that_is_not_here_is_not_replaced_in_silence(
    manifest: Path, tmp_path: Path, options: PrepareOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affect_core.faces import DetectorChoice, haar

    choice = DetectorChoice("haar", haar(), "no wheel")
    monkeypatch.setattr(detector, "choose_detector", lambda name: choice)
    with pytest.raises(DataError, match=r"libfacedetection cannot run here \(no wheel\)"):
        run(manifest, tmp_path / "out", options)
    monkeypatch.undo()
    yunet = replaced(options, preprocess=PreprocessSpec(detector="yunet"))
    with pytest.raises(DataError, match="yunet needs its ONNX file"):
        run(manifest, tmp_path / "out", yunet)


def test_two_processes_make_what_one_makes(
    prepared_folder: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    told: list[tuple[int, int]] = []
    manifest = prepared_folder.parent / "labels.csv"
    prepare(manifest, tmp_path / "out", options, 2, lambda done, all_: told.append((done, all_)))
    assert contents(tmp_path / "out") == contents(prepared_folder)
    assert told == [(0, 6), (2, 6), (4, 6), (6, 6)]


def test_a_place_that_cannot_be_written_is_named(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file/out/.* cannot be"):
        run(manifest, tmp_path / "file" / "out", options)


def test_a_full_disk_keeps_what_was_finished(
    manifest: Path, tmp_path: Path, options: PrepareOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    real = ShardWriter.add
    calls = []

    def full(self: ShardWriter, *rest: object) -> int:
        calls.append(rest)
        if len(calls) > 26:
            raise OSError(28, os.strerror(28))
        return real(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(DataError, match=r"shard-000001\.tar cannot be written: No space left"):
        run(manifest, out, options)
    assert [p.name for p in sorted((out / "shards").iterdir())] == [
        "shard-000000.parquet",
        "shard-000000.tar",
    ]
    times = changed(out)
    monkeypatch.undo()
    run(manifest, out, options)
    assert changed(out).items() >= times.items()


def test_two_runs_do_not_share_a_folder(
    manifest: Path, tmp_path: Path, options: PrepareOptions
) -> None:
    with (
        only_run(tmp_path / "out" / "prepare.lock"),
        pytest.raises(DataError, match="Another run is at work in"),
    ):
        run(manifest, tmp_path / "out", options)
    run(manifest, tmp_path / "out", options)


def test_the_settings_are_written_down(prepared_folder: Path, options: PrepareOptions) -> None:
    info = open_prepared(prepared_folder).info
    manifest = prepared_folder.parent / "labels.csv"
    assert info.preprocess == options.preprocess
    assert Path(info.manifest) == manifest
    assert info.manifest_sha256 == hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert json.loads((prepared_folder / "prepare.json").read_text())["format_version"] == 1
    assert info.versions.keys() >= {"affectline", "av", "opencv-python-headless"}


def test_rows_of_a_shard_stand_beside_it(prepared_folder: Path) -> None:
    shards = sorted((prepared_folder / "shards").glob("*.parquet"))
    rows = pd.concat([pq.read_table(path).to_pandas() for path in shards])
    index = open_prepared(prepared_folder).index
    assert rows["clip"].tolist() == index["clip"].tolist()
    assert rows["sample"].tolist() == index["sample"].tolist()
