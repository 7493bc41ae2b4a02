"""A prepared set against the server's front end, the tools that read it, and rough treatment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import typer
import webdataset
from torch.utils.data import DataLoader, Dataset
from typer.testing import CliRunner

import clips
from affect_core.decode import ClipReader
from affect_core.events import ClipFailed, ClipJob, FrameDone
from affect_core.faces import choose_detector
from affect_core.frontend import prepare_samples
from affect_core.limits import Deadline, Limits
from affect_core.pipeline import AffectPipeline
from affect_core.spec import PreprocessSpec
from affect_core.types import Sampling, StageSeconds
from affect_training.commands.manifest import app as manifest_app
from affect_training.commands.prepare import prepare as prepare_command
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.dataset.prepared import PreparedSet, TrackRef, open_prepared
from affect_training.dataset.shards import encode_jpeg
from affect_training.ratings.types import Split
from rated import LabelFolder, small_clips, write_set

OPTIONS = PrepareOptions(preprocess=PreprocessSpec(crop_size=32), clips_per_shard=2)
PRIMARY = Sampling(fps=5.0, faces="primary")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, its clips, and the set `out` prepared from them."""
    folder = tmp_path_factory.mktemp("source")
    manifest = write_set(folder, {**small_clips(), "two.mp4": clips.two_faces()})
    prepare(manifest, folder / "out", OPTIONS, 1, lambda done, total: None)
    return folder


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    made.add_typer(manifest_app, name="manifest")
    made.command()(prepare_command)
    return made


def all_tracks(prepared: PreparedSet) -> list[TrackRef]:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    return [track for split in splits for track in prepared.tracks(split)]


def test_crops_are_the_servers_crops(source: Path) -> None:
    prepared = open_prepared(source / "out")
    crops = {
        (ref.clip, int(sample)): crop
        for ref in all_tracks(prepared)
        for sample, crop in zip(ref.sample, prepared.read_crops(ref, 0, len(ref)), strict=True)
    }
    detector = choose_detector("libfacedetection").detect
    seen = 0
    for path in sorted((source / "clips").iterdir()):
        with ClipReader(path.read_bytes(), Limits(), Deadline(60)) as reader:
            for sample in prepare_samples(
                reader, PRIMARY, detector, OPTIONS.preprocess, StageSeconds()
            ):
                for crop in sample.crops:
                    jpeg = np.frombuffer(encode_jpeg(crop.pixels), np.uint8)
                    expected = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
                    assert expected is not None
                    found = crops[f"clips/{path.name}", sample.index]
                    assert np.array_equal(found, expected[:, :, ::-1])
                    seen += 1
    assert seen == len(crops) > 40


def test_the_index_has_the_pipelines_samples_tracks_and_boxes(
    source: Path, pipeline: AffectPipeline
) -> None:
    index = open_prepared(source / "out").index
    for clip, rows in index.groupby("clip"):
        data = (source / str(clip)).read_bytes()
        frames = []
        for event in pipeline.events([ClipJob(data, PRIMARY)]):
            assert not isinstance(event, ClipFailed), event
            if isinstance(event, FrameDone):
                frames.append(event.frame)
        assert rows["sample"].tolist() == [frame.index for frame in frames]
        assert rows["time_s"].tolist() == [frame.time_s for frame in frames]
        for row, frame in zip(rows.to_dict("records"), frames, strict=True):
            if not frame.faces:
                assert np.isnan(row["score"])
                continue
            (face,) = (answer.face for answer in frame.faces)
            box = face.detection.box
            found = tuple(row[f"box_{name}"] for name in ("x", "y", "width", "height"))
            assert found == (box.x, box.y, box.width, box.height)
            assert (row["track"], row["score"]) == (face.track, face.detection.score)


def test_webdataset_reads_the_shards(source: Path) -> None:
    urls = sorted(str(path) for path in (source / "out" / "shards").glob("*.tar"))
    prepared = open_prepared(source / "out")
    faces = prepared.index[prepared.index["track"].notna()].reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves files for the collector
        samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    assert len(samples) == len(faces)
    first = {ref.clip: prepared.read_crops(ref, 0, 1)[0] for ref in reversed(all_tracks(prepared))}
    for sample, row in zip(samples, faces.to_dict("records"), strict=True):
        assert sample["json"]["clip"] == row["clip"]
        assert sample["json"]["sample"] == row["sample"]
        assert sample["json"]["track"] == row["track"]
        assert sample["jpg"].shape == (32, 32, 3)
        if row["sample"] == 0:
            # Pillow decodes there; decoders may differ by a rounding or two.
            apart = np.abs(sample["jpg"].astype(int) - first[row["clip"]])
            assert apart.max() <= 4


class _FirstCrops(Dataset[int]):
    """What a loader does: opened here, read there."""

    def __init__(self, folder: Path) -> None:
        self.prepared = open_prepared(folder)
        self.tracks = all_tracks(self.prepared)
        self.prepared.read_crops(self.tracks[0], 0, 1)

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, place: int) -> int:
        return int(self.prepared.read_crops(self.tracks[place], 0, 1).sum())


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_loader_processes_read_what_this_one_reads(source: Path, start: str) -> None:
    data = _FirstCrops(source / "out")
    expected = [data[n] for n in range(len(data))]
    if start == "spawn":
        # Test modules cannot be imported by name over there, so the set travels by itself.
        script = """
            import pickle, sys
            from multiprocessing import get_context
            def first(args):
                prepared, track = args
                return int(prepared.read_crops(track, 0, 1).sum())
            if __name__ == "__main__":
                with open(sys.argv[1], "rb") as file:
                    prepared, tracks = pickle.load(file)
                with get_context("spawn").Pool(1) as pool:
                    print(pool.map(first, [(prepared, track) for track in tracks]))
        """
        import pickle

        (source / "first.py").write_text(textwrap.dedent(script))
        (source / "first.pickle").write_bytes(pickle.dumps((data.prepared, data.tracks)))
        ran = subprocess.run(
            [sys.executable, source / "first.py", source / "first.pickle"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == str(expected)
        return
    loader = DataLoader(data, batch_size=1, num_workers=2, multiprocessing_context=start)
    assert torch.cat(list(loader)).tolist() == expected


RUN = """
import sys
from pathlib import Path
from affect_core.spec import PreprocessSpec
from affect_training.dataset.prepare import PrepareOptions, prepare
from affect_training.errors import DataError

def main():
    options = PrepareOptions(preprocess=PreprocessSpec(crop_size=32), clips_per_shard=1)
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]), options, int(sys.argv[3]), lambda a, b: None)
    except DataError as error:
        sys.exit(str(error))

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A manifest of ten clips, a third of a second of work each."""
    data = dict.fromkeys((f"{n}.mp4" for n in range(10)), clips.carphone())
    return write_set(tmp_path, data, splits=dict.fromkeys(data, "train"))


def started(many: Path, workers: int, before: str = "") -> subprocess.Popen[str]:
    script = many.parent / "run.py"
    # A shell that starts the tests in the background has SIGINT ignored.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script.write_text(heeding + before + RUN)
    return subprocess.Popen(
        [sys.executable, script, many, many.parent / "out", str(workers)],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def finished(out: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (out / "shards").glob("*.parquet")}


def children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_loses_no_finished_shard_and_leaves_no_process(
    many: Path, ending: signal.Signals
) -> None:
    out = many.parent / "out"
    with started(many, workers=2) as running:
        wait_for(lambda: len(finished(out)) >= 2)
        workers = children(running.pid)
        assert len(workers) >= 2
        running.send_signal(ending)
        running.communicate()
        assert running.returncode != 0
    wait_for(lambda: all(gone(pid) for pid in workers))
    kept = finished(out)
    assert 2 <= len(kept) < 10
    assert not (out / "index.parquet").exists()
    with started(many, workers=1) as again:
        assert again.wait() == 0
    assert finished(out).items() >= kept.items()
    prepared = open_prepared(out)
    prepared.verify()
    assert len(prepared.index) == 200
    assert [p.name for p in (out / "shards").iterdir() if p.suffix == ".tmp"] == []


def test_a_killed_worker_is_a_clear_error(many: Path) -> None:
    out = many.parent / "out"
    with started(many, workers=2) as running:
        wait_for(lambda: len(finished(out)) >= 1)
        spawned = [
            pid
            for pid in children(running.pid)
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(spawned[0], signal.SIGKILL)
        _, said = running.communicate()
        assert running.returncode == 1
    assert "A process was killed" in said
    assert "fewer workers" in said
    assert finished(out)


def test_a_file_that_may_not_grow_is_a_clear_error(many: Path) -> None:
    # The kernel refuses to write past a limit as it does on a full disk.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
    with started(many, workers=1, before=limit) as running:
        _, said = running.communicate()
        assert running.returncode == 1
    assert "shard-000000.tar cannot be written: File too large" in said
    assert list((many.parent / "out" / "shards").iterdir()) == []


def test_the_command_prepares_and_says_what_it_did(tmp_path: Path, app: typer.Typer) -> None:
    manifest = write_set(tmp_path, {**small_clips(), "[bad].mp4": b"no video"})
    arguments = ["prepare", str(manifest), str(tmp_path / "out"), "--crop-size", "32"]
    ran = CliRunner().invoke(app, [*arguments, "--workers", "1", "--gold", "ewe"])
    assert ran.exit_code == 0, ran.output
    assert "dropped clips/[bad].mp4 undecodable_clip" in ran.output
    assert "48 samples: 7 without a face, 4 unrated, 37 usable" in ran.output
    assert "Cronbach's alpha" in ran.output
    assert open_prepared(tmp_path / "out").info.gold == "ewe"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing[x].csv", "out"], 1, "missing[x].csv cannot be read"),
        (["labels.csv", "out", "--workers", "0"], 2, "workers"),
    ],
)
def test_the_command_fails_with_one_sentence(
    tmp_path: Path, app: typer.Typer, arguments: list[str], code: int, said: str
) -> None:
    paths = [str(tmp_path / name) for name in arguments[:2]]
    ran = CliRunner().invoke(app, ["prepare", *paths, *arguments[2:]])
    assert ran.exit_code == code
    assert said in ran.output
    assert "Traceback" not in ran.output


def test_aff_wild2_becomes_a_manifest_and_a_prepared_set(tmp_path: Path, app: typer.Typer) -> None:
    folder = LabelFolder(tmp_path)
    frames = {"video1": clips.carphone(), "video2": clips.portrait_pan()}
    frames["video3"] = clips.two_faces()
    for name, data in frames.items():
        (folder.clips / f"{name}.mp4").write_bytes(data)
        count = len(clips.decoded(data))
        lines = [f"{n / 1000},{-n / 1000}" for n in range(count)]
        lines[7] = "-5,-5"  # the frame on screen at 0.2 s of 30 fps is number 6, of 25 fps 5
        folder.text(f"{name}.txt", "\n".join(["valence,arousal", *lines]) + "\n")
    manifest = tmp_path / "labels.parquet"
    ran = CliRunner().invoke(
        app, ["manifest", "aff-wild2", str(folder.ratings), str(folder.clips), str(manifest)]
    )
    assert ran.exit_code == 0, ran.output
    assert "3 clips, 3 subjects" in ran.output
    prepare(manifest, tmp_path / "out", OPTIONS, 1, lambda done, total: None)
    index = open_prepared(tmp_path / "out").index
    assert set(index["clip"]) == {f"clips/{name}.mp4" for name in frames}
    for name, fps in (("video1", 30000 / 1001), ("video2", 25), ("video3", 25)):
        own = index[index["clip"] == f"clips/{name}.mp4"]
        shown = [int((k / 5 + 0.0005) * fps) for k in own["sample"]]
        assert np.allclose(own["valence"], np.array(shown) / 1000)


def test_afew_va_images_become_clips_that_are_prepared(tmp_path: Path, app: typer.Typer) -> None:
    folder = LabelFolder(tmp_path)
    for name in ("001", "002", "003"):
        pictures = clips.decoded(clips.portrait_pan())[int(name) :]
        frames = {f"{n:05d}": {"valence": n % 10, "arousal": -3} for n in range(len(pictures))}
        folder.text(f"{name}/{name}.json", json.dumps({"frames": frames}))
        for n, picture in enumerate(pictures):
            cv2.imwrite(str(folder.ratings / name / f"{n:05d}.png"), picture[:, :, ::-1])
    places = [str(folder.ratings), str(folder.clips), str(tmp_path / "labels.csv")]
    ran = CliRunner().invoke(app, ["manifest", "afew-va", *places, "--image-fps", "25"])
    assert ran.exit_code == 0, ran.output
    prepare(tmp_path / "labels.csv", tmp_path / "out", OPTIONS, 1, lambda done, total: None)
    index = open_prepared(tmp_path / "out").index
    assert index["track"].notna().all()
    assert np.allclose(index["valence"], (index["sample"] * 5 % 10) / 10)
    assert np.allclose(index["arousal"], -0.3)


@pytest.mark.parametrize("name", ["aff-wild2", "aff-wild", "annemo", "afew-va"])
def test_every_format_has_a_command_that_fails_with_one_sentence(
    tmp_path: Path, app: typer.Typer, name: str
) -> None:
    places = [str(tmp_path / "ratings"), str(tmp_path / "clips"), str(tmp_path / "labels.csv")]
    ran = CliRunner().invoke(app, ["manifest", name, *places])
    assert ran.exit_code == 1
    assert "ratings" in ran.output
    assert "Traceback" not in ran.output


def test_annemo_and_a_list_of_subjects(tmp_path: Path, app: typer.Typer) -> None:
    folder = LabelFolder(tmp_path)
    for name in ("P16", "P17"):
        folder.clip(f"{name}.mp4", 10)
        for what in ("arousal", "valence"):
            folder.text(f"{what}/{name}.csv", "time;FM1 ;FF1\n0.00;0.1;0.2\n0.04;0.1;0.3\n")
    subjects = tmp_path / "subjects.csv"
    subjects.write_text("clip,subject\nP16,anna\nP17,anna\n")
    places = [str(folder.ratings), str(folder.clips), str(tmp_path / "labels.csv")]
    ran = CliRunner().invoke(app, ["manifest", "annemo", *places, "--subjects", str(subjects)])
    assert ran.exit_code == 0, ran.output
    assert "2 clips, 1 subject, 8 ratings" in ran.output
