from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.afewva import read_afewva
from affect_training.ratings.frames import frame_times
from clips import Image, decoded
from rated import LabelFolder, plain_clip


def ratings(folder: LabelFolder, frames: dict[int, tuple[float, float]], name: str = "001") -> Path:
    """frames: number -> (valence, arousal), as the data set writes them."""
    content = {
        "video_id": name,
        "frames": {
            f"{n:05d}": {"landmarks": [[1.5, 2.5]] * 68, "valence": v, "arousal": a}
            for n, (v, a) in frames.items()
        },
    }
    return folder.text(f"{name}/{name}.json", json.dumps(content))


def images(folder: LabelFolder, numbers: list[int], name: str = "001") -> list[Image]:
    pictures = []
    for n in numbers:
        picture = np.roll(skimage.data.astronaut()[:120, :160], 3 * n, axis=1)
        cv2.imwrite(str(folder.ratings / name / f"{n:05d}.png"), picture[:, :, ::-1])
        pictures.append(picture)
    return pictures


def test_a_video_beside_the_json(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (3, -2), 1: (-10, 10), 3: (0, 0)})
    video = folder.ratings / "001" / "001.avi"
    video.write_bytes(plain_clip(4, 25))
    (clip,) = read_afewva(folder.ratings, folder.clips, None, quiet)
    assert (clip.clip, clip.subject) == (video, "001")
    (trace,) = clip.traces
    assert trace.time_s == pytest.approx([0, 0.04, 0.12])
    assert trace.valence.tolist() == [0.3, -1.0, 0.0]
    assert trace.arousal.tolist() == [-0.2, 1.0, 0.0]


def test_a_video_among_the_clips(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (3, -2)})
    path = folder.clip("001.mp4", 3)
    (clip,) = read_afewva(folder.ratings, folder.clips, None, quiet)
    assert clip.clip == path


def test_images_become_a_clip_without_loss(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {n: (n, -n) for n in range(4)})
    pictures = images(folder, [0, 1, 2, 3])
    (clip,) = read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=24000 / 1001)
    assert clip.clip == folder.clips / "001.mkv"
    shown = decoded(clip.clip.read_bytes())
    assert len(shown) == 4
    for picture, frame in zip(pictures, shown, strict=True):
        assert np.array_equal(picture, frame)
    # Matroska counts milliseconds.
    assert clip.traces[0].time_s == pytest.approx(np.arange(4) * 1001 / 24000, abs=0.0006)
    assert [p.name for p in folder.clips.iterdir()] == ["001.mkv"]


def test_a_gap_in_the_numbers_stays_a_gap_in_time(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {2: (1, 1), 5: (2, 2)})
    images(folder, [2, 3, 5])
    (clip,) = read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=10)
    assert frame_times(clip.clip) == pytest.approx([0, 0.1, 0.3])
    assert clip.traces[0].time_s == pytest.approx([0, 0.3])
    assert clip.traces[0].valence.tolist() == [0.1, 0.2]


def test_the_same_images_give_the_same_clip(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (1, 1)})
    images(folder, [0, 1])
    read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=10)
    before = (folder.clips / "001.mkv").read_bytes()
    read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=10)
    assert (folder.clips / "001.mkv").read_bytes() == before


def test_images_do_not_tell_their_rate(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (1, 1)})
    images(folder, [0])
    with pytest.raises(DataError, match=r"001 holds images.*--image-fps"):
        read_afewva(folder.ratings, folder.clips, None, quiet)


def test_a_rating_without_an_image_is_named(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (1, 1), 7: (1, 1)})
    images(folder, [0, 1])
    with pytest.raises(DataError, match=r"001\.json: frame 00007 is rated, and has no image"):
        read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=25)


@pytest.mark.parametrize("broken", ["size", "bytes"])
def test_a_broken_image_is_named_and_no_clip_is_left(
    folder: LabelFolder, quiet: Advance, broken: str
) -> None:
    ratings(folder, {0: (1, 1)})
    images(folder, [0, 1])
    path = folder.ratings / "001" / "00001.png"
    if broken == "size":
        cv2.imwrite(str(path), np.zeros((50, 60, 3), np.uint8))
    else:
        path.write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"00001\.png"):
        read_afewva(folder.ratings, folder.clips, None, quiet, image_fps=25)
    assert list(folder.clips.iterdir()) == []


def test_no_frames_at_all_is_an_error(folder: LabelFolder, quiet: Advance) -> None:
    ratings(folder, {0: (1, 1)})
    with pytest.raises(DataError, match=r"001\.json rates 001, .* no video"):
        read_afewva(folder.ratings, folder.clips, None, quiet)


@pytest.mark.parametrize("value", [11, -11, 2.5, "3", None, True, float("nan")])
@pytest.mark.parametrize("what", ["valence", "arousal"])
def test_a_rating_that_is_none_names_file_and_frame(
    folder: LabelFolder, quiet: Advance, value: object, what: str
) -> None:
    frame = {"valence": 0, "arousal": 0, what: value}
    folder.text("001/001.json", json.dumps({"frames": {"00000": frame}}))
    folder.clip("001.mp4", 3)
    with pytest.raises(DataError, match=rf"001\.json: frame 00000: {what} is"):
        read_afewva(folder.ratings, folder.clips, None, quiet)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"frames": {}}',
        '{"frames": []}',
        '{"frames": {"first": {"valence": 0, "arousal": 0}}}',
        '{"frames": {"0": {"valence": 0, "arousal": 0}, "00": {"valence": 0, "arousal": 0}}}',
        '{"frames": {"0": 3}}',
    ],
)
def test_a_file_that_is_no_annotation_is_named(
    folder: LabelFolder, quiet: Advance, content: str
) -> None:
    folder.text("001/001.json", content)
    folder.clip("001.mp4", 3)
    with pytest.raises(DataError, match=r"001\.json"):
        read_afewva(folder.ratings, folder.clips, None, quiet)


def test_the_json_is_called_as_its_folder(folder: LabelFolder, quiet: Advance) -> None:
    folder.text("001/002.json", "{}")
    with pytest.raises(DataError, match=r"002\.json should be called 001\.json"):
        read_afewva(folder.ratings, folder.clips, None, quiet)
