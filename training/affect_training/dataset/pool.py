"""Shards made side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait

import cv2

from affect_training.dataset.job import make_shard
from affect_training.dataset.record import ShardJob, ShardRecord
from affect_training.errors import DataError


def make_shards(jobs: Sequence[ShardJob], workers: int) -> Iterator[tuple[ShardJob, ShardRecord]]:
    """Each job with its record, as they become ready.

    Args:
        jobs: of one set.
        workers: processes; 1 works in this one.

    Raises:
        DataError: a shard cannot be written, or a process was killed.
    """
    if workers == 1:
        for job in jobs:
            yield job, make_shard(job)
        return
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    with (
        theirs,
        ours,
        ProcessPoolExecutor(min(workers, len(jobs)), context, _start_worker, (theirs,)) as pool,
    ):
        futures = {pool.submit(make_shard, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise DataError(
                "A process was killed, probably for want of memory. Finished shards are kept; run "
                "the same command again with fewer workers."
            ) from error
        except BaseException:
            # Leaving waits for the shards in hand, which may take minutes and are not wanted.
            ours.close()
            raise


def _start_worker(parent: Connection) -> None:
    """One process is one thread, and ends with its parent or when that lets go of it."""
    cv2.setNumThreads(1)
    # Ctrl-C in a terminal reaches every process; the parent tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """Wait for the end of the pipe, which nobody writes to, and leave."""
    wait([parent])
    os._exit(1)
