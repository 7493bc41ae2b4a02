"""With the head mesh: faces that the default detector finds, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from affect_core.faces import choose_detector, find_faces
from affect_core.spec import PreprocessSpec
from affect_training.ratings.manifest import read_manifest
from affect_training.synth.assets import Head, head_file, load_head
from affect_training.synth.camera import Camera
from affect_training.synth.clip import Shot, Studio, clip_rng
from affect_training.synth.config import SynthConfig
from affect_training.synth.encode import Encoding, encode
from affect_training.synth.generate import generate_set

PEOPLE = 12
CONFIG = SynthConfig(people=PEOPLE, clips_per_person=1, seconds=3.0, fps=1, size=192, seed=11)


@pytest.fixture(scope="module")
def studio(head: Head) -> Studio:
    return Studio(CONFIG)


def test_the_default_detector_finds_most_faces(studio: Studio) -> None:
    spec = PreprocessSpec()
    detector = choose_detector(spec.detector)
    found = []
    for number in range(PEOPLE):
        person, rng = studio.person(number), clip_rng(CONFIG, number, 0)
        shot = Shot.draw(CONFIG, person, rng)
        for frame in studio.frames(person, shot, range(3), rng):
            faces = find_faces(detector.detect, frame, spec)
            found.append(bool(faces))
            if faces:
                x, y = shot.scene.view.face_middle((0, 0))
                box = faces[0].box
                size = shot.scene.view.face_pixels
                assert abs(box.x + box.width / 2 - x) < 0.6 * size
                assert abs(box.y + box.height / 2 - y) < 0.6 * size
    assert len(found) == 3 * PEOPLE
    assert np.mean(found) > 0.9


def test_a_seed_gives_the_same_clip_and_another_a_different_one(
    studio: Studio, tmp_path: Path
) -> None:
    first, again, other = (tmp_path / f"{name}.mp4" for name in ("first", "again", "other"))
    labels = studio.render(3, 0, first)
    same = Studio(CONFIG).render(3, 0, again)
    assert labels.equals(same)
    assert first.read_bytes() == again.read_bytes()
    different = studio.render(3, 1, other)
    assert first.read_bytes() != other.read_bytes()
    assert not np.array_equal(labels["arousal"], different["arousal"])
    assert labels["age"].iloc[0] == different["age"].iloc[0]


def test_worker_processes_render_a_set_that_reads(head: Head, tmp_path: Path) -> None:
    config = SynthConfig(people=1, clips_per_person=1, seconds=0.6, fps=5, size=96)
    manifest = generate_set(config, tmp_path, 1, lambda done, total: None)
    (clip,) = read_manifest(manifest)
    with av.open(str(clip.clip)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == len(clip.traces[0].time_s) == 3
    assert [frame.time for frame in frames] == pytest.approx(clip.traces[0].time_s, abs=1e-3)


def test_a_damaged_cache_is_noticed(head: Head, tmp_path: Path) -> None:
    for suffix in (".npz", ".json"):
        source = head_file().with_suffix(suffix)
        (tmp_path / source.name).write_bytes(source.read_bytes())
    assert load_head(tmp_path).template.shape == head.template.shape
    damaged = head_file(tmp_path)
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "affect_training.synth.assets.build_head", lambda: pytest.fail("built", pytrace=False)
        )
        with pytest.raises(pytest.fail.Exception, match="built"):
            load_head(tmp_path)


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4", "libx265", "libvpx-vp9"])
def test_every_codec_keeps_frames_and_times(encoder: str, tmp_path: Path) -> None:
    draws = (Encoding.draw(96, 64, 5, np.random.default_rng(seed)) for seed in range(200))
    encoding = next(draw for draw in draws if draw.encoder == encoder)
    ramp = np.linspace(40, 215, 96, dtype=np.uint8)
    frames = [np.broadcast_to(np.roll(ramp, 8 * k)[None, :, None], (64, 96, 3)) for k in range(7)]
    encode(tmp_path / "clip.mp4", frames, 5, encoding)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        read = list(container.decode(video=0))
    assert [frame.time for frame in read] == pytest.approx([k / 5 for k in range(7)], abs=1e-3)
    for original, frame in zip(frames, read, strict=True):
        difference = frame.to_ndarray(format="rgb24").astype(float) - original
        assert np.abs(difference).mean() < 30


def test_an_automatic_exposure_brings_faces_to_a_middle_brightness() -> None:
    rng = np.random.default_rng(2)
    camera = Camera.draw(100, rng)
    covered = np.ones((16, 16), dtype=np.float32)
    dim = np.full((16, 16, 3), 0.02, dtype=np.float32)
    bright = np.full((16, 16, 3), 0.9, dtype=np.float32)
    assert camera.exposure(dim, covered) > camera.exposure(bright, covered)
    shown = [camera.take(light, camera.exposure(light, covered), rng) for light in (dim, bright)]
    assert shown[0].shape == (16, 16, 3)
    assert shown[0].dtype == np.uint8
    assert 30 < shown[0].mean() < shown[1].mean() < 225
