"""The set's bookkeeping, without a face: rendering is replaced by two small files a clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from affect_training.errors import DataError
from affect_training.ratings.manifest import read_manifest
from affect_training.synth import generate
from affect_training.synth.config import SynthConfig
from affect_training.synth.generate import generate_set, unfinished

CONFIG = SynthConfig(people=3, clips_per_person=2, seconds=1.0, fps=5)
CLIPS = 6


class StubStudio:
    """Stands in for the renderer; counts, and fails where told."""

    def __init__(self) -> None:
        self.rendered: list[tuple[int, int]] = []
        self.fails_at: tuple[int, int] | None = None

    def render(self, person: int, clip: int, path: Path) -> pd.DataFrame:
        path.write_bytes(b"half a clip")
        if (person, clip) == self.fails_at:
            raise KeyboardInterrupt
        self.rendered.append((person, clip))
        times = [k / CONFIG.fps for k in range(CONFIG.frames_per_clip)]
        return pd.DataFrame(
            {"time_s": times, "arousal": 0.1 * person, "valence": -0.2 * clip, "annotator": "synth"}
        ).assign(age=30.0 + person, glasses="none")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> StubStudio:
    stub = StubStudio()

    def render(
        config: SynthConfig,
        out: Path,
        missing: dict[int, list[int]],
        workers: int,
        cache: Path | None,
    ) -> Iterator[int]:
        for person, clips in missing.items():
            yield generate._render_clips(config, out, person, clips)

    monkeypatch.setattr(generate, "_studio", [stub])
    monkeypatch.setattr(generate, "_render", render)
    monkeypatch.setattr(generate, "load_head", lambda cache: None)
    return stub


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_set_is_clips_labels_and_a_manifest_that_reads(
    tmp_path: Path, studio: StubStudio
) -> None:
    seen: list[tuple[int, int]] = []
    manifest = generate_set(CONFIG, tmp_path, 1, lambda done, total: seen.append((done, total)))
    assert len(studio.rendered) == CLIPS
    assert seen[0] == (0, CLIPS)
    assert seen[-1] == (CLIPS, CLIPS)
    clips = read_manifest(manifest)
    assert len(clips) == CLIPS
    assert all(clip.clip.is_file() for clip in clips)
    assert {clip.subject for clip in clips} == {CONFIG.subject(person) for person in range(3)}
    assert all(len(clip.traces[0].time_s) == CONFIG.frames_per_clip for clip in clips)
    assert not list(tmp_path.rglob("*.partial"))


def test_a_second_run_does_nothing(tmp_path: Path, studio: StubStudio) -> None:
    generate_set(CONFIG, tmp_path, 1, silent)
    before = files(tmp_path)
    studio.rendered.clear()
    generate_set(CONFIG, tmp_path, 1, silent)
    assert studio.rendered == []
    assert files(tmp_path) == before


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, studio: StubStudio) -> None:
    studio.fails_at = (1, 1)
    with pytest.raises(KeyboardInterrupt):
        generate_set(CONFIG, tmp_path, 1, silent)
    finished = {(0, 0), (0, 1), (1, 0)}
    assert set(studio.rendered) == finished
    assert unfinished(CONFIG, tmp_path) == {1: [1], 2: [0, 1]}
    assert not (tmp_path / generate.MANIFEST_FILE).exists()
    assert not list(tmp_path.rglob("*.partial"))
    studio.fails_at = None
    studio.rendered.clear()
    generate_set(CONFIG, tmp_path, 1, silent)
    assert set(studio.rendered) == {(1, 1), (2, 0), (2, 1)}


def test_a_clip_that_went_missing_is_made_again(tmp_path: Path, studio: StubStudio) -> None:
    generate_set(CONFIG, tmp_path, 1, silent)
    (tmp_path / "clips" / f"{CONFIG.clip_name(2, 1)}.mp4").unlink()
    studio.rendered.clear()
    generate_set(CONFIG, tmp_path, 1, silent)
    assert studio.rendered == [(2, 1)]


def test_another_sets_folder_is_refused(tmp_path: Path, studio: StubStudio) -> None:
    generate_set(CONFIG, tmp_path, 1, silent)
    other = CONFIG.model_copy(update={"seed": 4})
    with pytest.raises(DataError, match="seed is 0, not 4"):
        generate_set(other, tmp_path, 1, silent)


def test_a_folder_with_an_unknown_note_is_refused(tmp_path: Path, studio: StubStudio) -> None:
    (tmp_path / "synth.json").write_text('{"name": "synth-v9"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"synth\.json does not describe"):
        generate_set(CONFIG, tmp_path, 1, silent)
