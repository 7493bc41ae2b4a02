"""Posts hostile clips to a real service, several at once, and checks every answer.

    PYTHONPATH=tests python -m torture.hostile --count 20000
    PYTHONPATH=tests python -m torture.hostile --minutes 5 --url http://127.0.0.1:8080

Without an address it starts a TorchServe of its own with a small model and short limits, and
watches that too: its worker stays, its memory is bounded, no file is written, and nothing that
a clip names is opened. Ends with status 1 where anything was wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count as numbers
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx

from affect_serving.server import LocalServer
from ports import free_ports
from small_store import export_small
from torture.corpus import FAMILIES, Specimen, specimens
from torture.judged import Judged, judge
from torture.lures import WatchedLures
from torture.watched_service import WatchedService

DEADLINE_S: Final = 10
"""Of a clip. Half of the bombs within the limits take all of it: a run is as long as it says."""
GRACE_S: Final = 10
"""For uploading, queueing and answering, beside the service's own deadline."""
MEMORY_MIB: Final = 3072
"""Of a worker and its children."""

_TOLD_EVERY: Final = 500

_OPTIONS: Final = (
    None,
    '{"stream": true}',
    '{"faces": "all", "sample_fps": 30}',
    '{"start_s": 0.3, "end_s": 0.9, "stream": true}',
)


@dataclass
class Report:
    """What came of it: answers by family and outcome, and everything that was wrong."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def answers(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    def table(self) -> str:
        """Rows of families, columns of outcomes."""
        columns = sorted({outcome for _, outcome in self.outcomes})
        rows = [["", *columns]]
        for family in FAMILIES:
            counts = [self.outcomes[family, column] for column in columns]
            if any(counts):
                rows.append([family, *(str(count or "") for count in counts)])
        totals = [sum(self.outcomes[f, column] for f in FAMILIES) for column in columns]
        rows.append(["all", *map(str, totals)])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "| --- " * len(rows[0]) + "|", *lines[1:]])

    def __str__(self) -> str:
        told = (
            f"{self.answers} answers in {self.seconds:.0f} s, the slowest after "
            f"{self.slowest_s:.1f} s; peak memory of the worker and its children "
            f"{self.peak_mib:.0f} MiB; {len(self.faults)} faults"
        )
        return "\n".join([self.table(), "", told, *self.faults[:1000]])


class Poster:
    """Posts specimens; each as a part or as a raw body, plain or as a stream.

    Args:
        url: of predictions.
        report: answers are added to it.
    """

    def __init__(self, url: str, report: Report) -> None:
        self._url = url
        self._report = report
        self._lock = threading.Lock()
        limit = httpx.Timeout(DEADLINE_S + GRACE_S)
        self._client = httpx.Client(timeout=limit, limits=httpx.Limits(max_connections=None))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def post(self, number: int, specimen: Specimen) -> None:
        """One request and what is found in its answer."""
        began = time.monotonic()
        try:
            judged = judge(self._client.post(self._url, **_body(number, specimen.data)))
        except httpx.TimeoutException:
            judged = Judged("none", f"no answer within {DEADLINE_S + GRACE_S} s")
        except httpx.HTTPError as error:
            judged = Judged("none", f"no answer: {type(error).__name__}")
        seconds = time.monotonic() - began
        with self._lock:
            self._report.outcomes[specimen.family, judged.outcome] += 1
            self._report.slowest_s = max(self._report.slowest_s, seconds)
            if judged.fault:
                fault = f"{specimen.family}: {specimen.name}: {judged.fault}"
                self._report.faults.append(fault)
                sys.stderr.write(f"{fault}\n")
            if self._report.answers % _TOLD_EVERY == 0:
                sys.stderr.write(f"{self._report.answers} answers\n")


def _body(number: int, data: bytes) -> dict[str, Any]:
    turn = number // len(FAMILIES) + number
    if turn % 5 == 4:
        return {"content": data, "headers": {"content-type": "application/octet-stream"}}
    options = _OPTIONS[turn % len(_OPTIONS)]
    parts = {"files": {"data": ("clip", data)}}
    return parts if options is None else {**parts, "data": {"options": options}}


def post_all(url: str, chosen: Iterator[Specimen], *, at_once: int, until: float) -> Report:
    """Post one after another, so many at a time, until a point of monotonic time."""
    report = Report()
    poster = Poster(f"{url}/predictions/affect", report)
    places = threading.Semaphore(2 * at_once)  # specimens held in memory
    began = time.monotonic()

    def one(number: int, specimen: Specimen) -> None:
        try:
            poster.post(number, specimen)
        finally:
            places.release()

    posted = []
    with ThreadPoolExecutor(at_once) as pool:
        for number, specimen in zip(numbers(), chosen, strict=False):
            if time.monotonic() > until:
                break
            places.acquire()
            posted.append(pool.submit(one, number, specimen))
    poster.close()
    for future in posted:
        future.result()
    report.seconds = time.monotonic() - began
    return report


def torture(
    server: LocalServer, folder: Path, *, seed: int, count: int, at_once: int, until: float
) -> Report:
    """As `post_all` to a service on this machine, whose processes and files are watched."""
    with WatchedLures(folder) as watched, WatchedService(server) as service:
        chosen = islice(specimens(seed, lures=watched.lures), count)
        report = post_all(server.inference_url, chosen, at_once=at_once, until=until)
        report.faults[:0] = service.faults()
        report.faults += [f"opened: {name}" for name in watched.opened()]
        report.faults += [f"requested: {line}" for line in watched.requests]
        report.peak_mib = service.peak_mib
        if report.peak_mib > MEMORY_MIB:
            report.faults.append(f"the worker held {report.peak_mib:.0f} MiB")
    return report


def main() -> int:
    """Run as told on the command line; 1 where something was wrong."""
    parser = argparse.ArgumentParser(description="Hostile clips against a real service.")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--url", help="of a running service; its own unless given")
    asked = parser.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    if asked.url:
        chosen = islice(specimens(asked.seed), asked.count)
        report = post_all(asked.url, chosen, at_once=asked.at_once, until=until)
    else:
        os.environ["AFFECT_LIMITS__MAX_WALL_S"] = str(DEADLINE_S)
        with ExitStack() as stack:
            store, lures = (
                Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)
            )
            # What is under test comes before the model, which would take most of the time.
            export_small(store, "vgg11")
            server = stack.enter_context(LocalServer(store, free_ports()))
            report = torture(
                server,
                lures,
                seed=asked.seed,
                count=asked.count,
                at_once=asked.at_once,
                until=until,
            )
    sys.stdout.write(f"{report}\n")
    return 1 if report.faults or not report.answers else 0


if __name__ == "__main__":
    sys.exit(main())
