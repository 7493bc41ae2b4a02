"""The mix for as long as wanted, and what the service's processes hold meanwhile.

`python -m torture.soak --minutes 60` prints a line a minute, and at the end how much each grows in
an hour after the warm-up. Memory, descriptors, threads and files must not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from small_store import export_small
from torture.census import Census, count, growth_per_hour
from torture.load import say
from torture.service import Service
from torture.tally import WORK, Outcome, percentile
from torture.traffic import BESIDE, Traffic

_CLIENTS: Final = 2
_GROWTH: Final = 0.02
"""Of memory in an hour, after the warm-up."""
_SPARE: Final = 3
"""Descriptors and threads that may be more at the end: those of the requests in hand."""


async def soak(service: Service, minutes: float, every_s: float) -> tuple[list[Census], bool]:
    """Send the mix; look every so often. Whether every answer was as it should be."""
    traffic = Traffic("127.0.0.1", service.port)
    await traffic.learn()
    began = time.monotonic()
    until = began + minutes * 60
    outcomes: list[Outcome] = []
    every: list[Census] = []

    async def client() -> None:
        while time.monotonic() < until:
            outcomes.append(await traffic.send(traffic.pick()))

    async def beside() -> None:
        sent: list[asyncio.Future[Outcome]] = []
        while time.monotonic() < until:
            sent.extend(asyncio.ensure_future(traffic.send(kind)) for kind in BESIDE)
            await asyncio.sleep(5)
        outcomes.extend(await asyncio.gather(*sent))

    async def looking() -> None:
        seen = 0
        while True:
            await asyncio.sleep(max(0, min(every_s, until - time.monotonic())))
            census = await asyncio.to_thread(count, service, (time.monotonic() - began) / 60)
            every.append(census)
            say(_line(census, outcomes[seen:]))
            seen = len(outcomes)
            if time.monotonic() + 1 >= until:
                return

    await asyncio.gather(beside(), looking(), *(client() for _ in range(_CLIENTS)))
    became = Counter((one.kind, one.became) for one in outcomes)
    for (kind, how), number in sorted(became.items()):
        say(f"  {kind} {how}: {number}")
    wrong = [one for one in outcomes if one.became in {"wrong", "failed", "refused"} or one.twice]
    return every, not wrong


def _line(census: Census, outcomes: list[Outcome]) -> str:
    work = [one.seconds for one in outcomes if one.kind in WORK and one.became == "right"]
    processes = "; ".join(
        f"{name} {held.pss_mib:.0f} MiB, {held.descriptors} fds, {held.threads} threads"
        for name, held in sorted(census.held.items())
    )
    return (
        f"{census.minute:5.1f} min: {processes}; {census.files} files, {census.files_mib:.0f} MiB,"
        f" {census.shared} in /dev/shm; {len(work)} clips, p50 {percentile(work, 0.5):.3f} s,"
        f" p99 {percentile(work, 0.99):.3f} s"
    )


def flat(every: list[Census], warm_minutes: float) -> bool:
    """Print what grew after the warm-up; whether nothing did."""
    kept = [census for census in every if census.minute > warm_minutes]
    minutes = [census.minute for census in kept]
    good = len(kept) >= 3
    names = sorted(set.intersection(*(set(census.held) for census in kept))) if kept else []

    def series(value: Callable[[Census], float]) -> list[float]:
        return [value(census) for census in kept]

    total = series(lambda census: sum(held.pss_mib for held in census.held.values()))
    good = good and _said("all memory", "MiB", minutes, total, _GROWTH)
    for name in names:
        memory = series(lambda census, name=name: census.held[name].pss_mib)  # type: ignore[misc]
        _said(f"{name}, memory", "MiB", minutes, memory, _GROWTH)
        for what in ("descriptors", "threads"):
            values = series(lambda census, n=name, w=what: getattr(census.held[n], w))  # type: ignore[misc]
            good = _said(f"{name}, {what}", "", minutes, values, None) and good
    good = _said("files", "", minutes, series(lambda census: census.files), None) and good
    return (
        _said("entries of shared memory", "", minutes, series(lambda census: census.shared), None)
        and good
    )


def _said(
    name: str, unit: str, minutes: list[float], values: list[float], most: float | None
) -> bool:
    """Print one line; whether it is flat: growth below `most` an hour, or no more than a few."""
    if not values:
        return False
    growth = growth_per_hour(minutes, values)
    ends = f"{values[0]:.1f} -> {values[-1]:.1f} {unit}".rstrip()
    say(f"  {name}: {ends}, {growth:+.1%} an hour")
    if most is not None:
        return growth < most
    half = len(values) // 2
    return min(values[half:]) <= max(values[: half or 1]) + _SPARE


def main() -> int:
    """0 where all is flat and every answer right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every-s", type=float, default=60)
    parser.add_argument("--warm-minutes", type=float, help="a fifth of all unless given")
    parser.add_argument("--store", type=Path, help="a model store; else the tests' small one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or export_small(Path(folder) / "store", "vgg19")
        with Service(store, Path(folder) / "log") as service:
            every, right = asyncio.run(soak(service, arguments.minutes, arguments.every_s))
            warm = arguments.warm_minutes
            good = flat(every, arguments.minutes / 5 if warm is None else warm)
    say(f"flat: {good}; every answer right: {right}")
    return int(not (good and right))


if __name__ == "__main__":
    sys.exit(main())
