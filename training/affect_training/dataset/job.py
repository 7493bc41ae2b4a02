"""One shard, made in one process: a few clips' crops, their rows, and what became of them.

`<name>.tar` is written first, then `<name>.parquet`, which carries the shard's record. So a
shard with a Parquet file is whole, and one whose record still fits is not made again.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from affect_core.checkpoint import sha256_of
from affect_core.errors import ClipError
from affect_core.faces import FaceDetector, choose_detector
from affect_core.spec import DetectorName
from affect_training.dataset.clip import ClipSample, OpenClip, UnreadableFileError
from affect_training.dataset.info import INDEX_FILE
from affect_training.dataset.record import (
    ClipFile,
    ClipOutcome,
    ShardJob,
    ShardRecord,
    check_tar,
    read_record,
    read_rows,
    write_rows,
)
from affect_training.dataset.shards import JPEG_QUALITY, ShardWriter, crop_key, encode_jpeg
from affect_training.errors import DataError, TrainingError
from affect_training.ratings.disk import remove, replacing


def make_shard(job: ShardJob) -> ShardRecord:
    """Make the shard, unless it is there already, whole and of the same clips and settings.

    Raises:
        DataError: the shard cannot be written.
        TrainingError: a clip fails in a way that is not foreseen; names it.
    """
    digests = [_digest(clip.path) for clip in job.clips]
    fingerprint = _fingerprint(job, digests)
    finished = _finished(job, fingerprint)
    if finished is not None:
        return finished
    # The index points into the shards of the run before; it is written anew when all are made.
    remove(job.folder / INDEX_FILE)
    remove(job.parquet)
    detector = _detector(job.preprocess.detector)
    rows: list[dict[str, object]] = []
    outcomes = []
    with replacing(job.tar) as file:
        writer = ShardWriter(file)
        for clip, digest in zip(job.clips, digests, strict=True):
            mark, count = writer.mark(), len(rows)
            opened = OpenClip(clip.path, job.preprocess, detector)
            code = reason = None
            try:
                rows.extend(_row(job.name, clip, sample, writer) for sample in opened.samples())
            except (ClipError, UnreadableFileError) as error:
                writer.rewind(mark)
                del rows[count:]
                code, reason = error.code, str(error)
            except (TrainingError, OSError):
                raise
            except Exception as error:
                raise TrainingError(
                    f"Preparing {clip.path} failed in a way that is not foreseen "
                    f"({type(error).__name__}: {error}). Finished shards are kept; remove the clip "
                    "from the manifest to go on, and report this."
                ) from error
            outcomes.append(
                ClipOutcome(
                    name=clip.name,
                    sha256=digest,
                    duration_s=opened.duration_s,
                    truncated=opened.truncated,
                    dropped_code=code,
                    dropped_reason=reason,
                )
            )
        writer.finish()
    record = ShardRecord(
        fingerprint=fingerprint,
        tar_bytes=job.tar.stat().st_size,
        tar_sha256=sha256_of(job.tar),
        clips=tuple(outcomes),
    )
    with replacing(job.parquet) as file:
        write_rows(file, rows, record)
    return record


def _row(shard: str, clip: ClipFile, sample: ClipSample, writer: ShardWriter) -> dict[str, object]:
    row: dict[str, object] = {"clip": clip.name, "sample": sample.index, "time_s": sample.time_s}
    if sample.crop is None:
        return row
    x, y, width, height = sample.crop.box
    row |= {"track": sample.crop.track, "score": sample.crop.score}
    row |= {"box_x": x, "box_y": y, "box_width": width, "box_height": height}
    jpeg = encode_jpeg(sample.crop.pixels)
    offset = writer.add(crop_key(clip.ordinal, sample.index), jpeg, row)
    return row | {"shard": shard, "offset": offset, "size": len(jpeg)}


def _finished(job: ShardJob, fingerprint: str) -> ShardRecord | None:
    try:
        record = read_record(job.parquet)
        if record.fingerprint != fingerprint:
            return None
        check_tar(job.tar, record)
        read_rows(job.parquet)
    except DataError:
        return None
    return record


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None


def _fingerprint(job: ShardJob, digests: list[str | None]) -> str:
    """Of everything that the shard's bytes depend on."""
    digest = hashlib.sha256()
    digest.update(job.preprocess.model_dump_json().encode())
    digest.update(f"{job.number} {JPEG_QUALITY} {job.versions}".encode())
    for clip, content in zip(job.clips, digests, strict=True):
        digest.update(f"{clip.ordinal} {clip.name!r} {content}".encode())
    return digest.hexdigest()


@lru_cache
def _detector(name: DetectorName) -> FaceDetector:
    return choose_detector(name).detect
