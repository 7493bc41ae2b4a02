"""A whole set: clips rendered side by side, resumable, and the manifest that names them.

A clip is finished when its labels are there; they are written after the clip, each file in one
step. What was killed goes on where it stopped, and what is finished is left alone.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cv2
import pandas as pd
import pydantic

from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.synth.assets import load_head
from affect_training.synth.clip import Studio
from affect_training.synth.config import SynthConfig

CONFIG_FILE: Final = "synth.json"
MANIFEST_FILE: Final = "manifest.parquet"
CLIPS: Final = "clips"
LABELS: Final = "labels"

_studio: list[Studio] = []
"""A worker process's own; it renders one set."""


def generate_set(
    config: SynthConfig,
    out: Path,
    workers: int,
    progress: Advance,
    cache: Path | None = None,
) -> Path:
    """Render what is missing of a set and write its manifest.

    Args:
        config: the set; the same one gives the same labels and, on the same machine and with
            the same library versions, the same pixels.
        out: folder for clips, labels and manifest; it may hold an unfinished run of this set.
        workers: processes.
        progress: called with clips finished so far and clips in all.
        cache: folder of the head mesh; None takes the user's.

    Returns:
        The manifest's path.

    Raises:
        DataError: `out` holds another set.
        TrainingError: anny is needed and missing.
    """
    _claim(config, out)
    missing = unfinished(config, out)
    done = config.clips - sum(len(clips) for clips in missing.values())
    progress(done, config.clips)
    if missing:
        load_head(cache)  # built here once, and not by every worker
        for rendered in _render(config, out, missing, workers, cache):
            done += rendered
            progress(done, config.clips)
    manifest = out / MANIFEST_FILE
    if missing or not manifest.exists():
        _write_manifest(config, out, manifest)
    return manifest


def unfinished(config: SynthConfig, out: Path) -> dict[int, list[int]]:
    """Clips that are not there yet, by person."""
    missing: dict[int, list[int]] = {}
    for person in range(config.people):
        for clip in range(config.clips_per_person):
            name = config.clip_name(person, clip)
            if not (_labels_path(out, name).exists() and _clip_path(out, name).exists()):
                missing.setdefault(person, []).append(clip)
    return missing


def _render(
    config: SynthConfig,
    out: Path,
    missing: dict[int, list[int]],
    workers: int,
    cache: Path | None,
) -> Iterator[int]:
    """Render person by person; yields how many clips each step finished."""
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open_studio,
            initargs=(config, cache),
        ) as pool,
    ):
        waiting = [
            pool.submit(_render_clips, config, out, person, clips)
            for person, clips in missing.items()
        ]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers started inside run their linear algebra on one thread."""
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _open_studio(config: SynthConfig, cache: Path | None) -> None:
    cv2.setNumThreads(1)
    _studio[:] = [Studio(config, cache)]


def _render_clips(config: SynthConfig, out: Path, person: int, clips: list[int]) -> int:
    for clip in clips:
        name = config.clip_name(person, clip)
        path = _clip_path(out, name)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            labels = _studio[0].render(person, clip, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        labels.insert(0, "clip", path.relative_to(out).as_posix())
        labels.insert(1, "subject", config.subject(person))
        _write_parquet(labels, _labels_path(out, name))
    return len(clips)


def _claim(config: SynthConfig, out: Path) -> None:
    """Make `out` this set's folder, or see that it already is."""
    for folder in (CLIPS, LABELS):
        (out / folder).mkdir(parents=True, exist_ok=True)
    note = out / CONFIG_FILE
    try:
        there = SynthConfig.model_validate_json(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        partial = note.with_suffix(".partial")
        partial.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(note)
        return
    except pydantic.ValidationError as error:
        raise DataError(
            f"{note} does not describe a set of this version ({error.error_count()} errors). "
            "Choose another folder, or remove this one."
        ) from error
    if there != config:
        differing = [
            f"{key} is {value}, not {getattr(config, key)}"
            for key, value in there.model_dump().items()
            if value != getattr(config, key)
        ]
        raise DataError(
            f"{out} holds another set ({'; '.join(differing)}). "
            "Choose another folder, or give the same options to go on with that set."
        )


def _write_manifest(config: SynthConfig, out: Path, manifest: Path) -> None:
    names = (
        config.clip_name(person, clip)
        for person in range(config.people)
        for clip in range(config.clips_per_person)
    )
    rows = pd.concat([pd.read_parquet(_labels_path(out, name)) for name in names])
    _write_parquet(rows.reset_index(drop=True), manifest)


def _write_parquet(rows: pd.DataFrame, path: Path) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    rows.to_parquet(partial, index=False)
    partial.replace(path)


def _clip_path(out: Path, name: str) -> Path:
    return out / CLIPS / f"{name}.mp4"


def _labels_path(out: Path, name: str) -> Path:
    return out / LABELS / f"{name}.parquet"
