"""Capacity, and what becomes of twice as much: `python -m torture.load --minutes 10`.

Arrivals are a Poisson process that waits for nobody: requests that are not answered keep no others
from coming, as they would with clients in a loop, and times count from when a request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from small_store import export_small
from torture.service import Service
from torture.tally import Kind, Outcome, Tally, busiest
from torture.traffic import BESIDE, Traffic

_AT_ONCE: Final = 12
"""Clients in a loop while capacity is measured: more than are worked on together."""
_REFUSED_S: Final = 0.5
"""What such a client waits after a refusal."""
_PROGRESS_S: Final = 60.0


async def capacity(traffic: Traffic, seconds: float, deadline_s: float) -> tuple[Tally, float]:
    """What clients in a loop get; and how many a second of the main kinds were let in."""
    tally = Tally(seconds, deadline_s)
    until = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < until:
            outcome = await traffic.send(traffic.pick())
            tally.outcomes.append(outcome)
            if outcome.became == "refused":
                await asyncio.sleep(_REFUSED_S)

    clients = (client() for _ in range(_AT_ONCE))
    await asyncio.gather(_beside(traffic, until, tally.outcomes), *clients)
    taken = [one for one in tally.outcomes if one.became != "refused" and one.kind not in BESIDE]
    return tally, len(taken) / seconds


async def offered(traffic: Traffic, rate: float, seconds: float, deadline_s: float) -> Tally:
    """What becomes of so many arrivals a second."""
    tally = Tally(seconds, deadline_s)
    began = time.monotonic()
    until = began + seconds
    await asyncio.gather(
        _arrive(traffic, None, rate, until, tally.outcomes),
        _beside(traffic, until, tally.outcomes),
        _progress(until, tally.outcomes),
    )
    return tally


async def _arrive(
    traffic: Traffic, kind: Kind | None, rate: float, until: float, outcomes: list[Outcome]
) -> None:
    async def one(due_s: float) -> None:
        outcomes.append(await traffic.send(kind or traffic.pick(), due_s))

    due_s = time.monotonic()
    sent: list[asyncio.Task[None]] = []
    while (due_s := due_s + traffic.gap_s(rate)) < until:
        await asyncio.sleep(max(0, due_s - time.monotonic()))
        sent.append(asyncio.create_task(one(due_s)))
    await asyncio.gather(*sent)


async def _beside(traffic: Traffic, until: float, outcomes: list[Outcome]) -> None:
    kinds = BESIDE.items()
    await asyncio.gather(*(_arrive(traffic, k, rate, until, outcomes) for k, rate in kinds))


async def _progress(until: float, outcomes: list[Outcome]) -> None:
    while time.monotonic() + _PROGRESS_S < until:
        await asyncio.sleep(_PROGRESS_S)
        say(f"  so far {dict(busiest(outcomes))}")


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def measure(port: int, arguments: argparse.Namespace) -> bool:
    """Both phases against a service; whether the bars are met."""
    traffic = Traffic("127.0.0.1", port)
    await traffic.learn()
    await capacity(traffic, arguments.warm_s, arguments.deadline_s)
    closed, rate = await capacity(traffic, arguments.capacity_s, arguments.deadline_s)
    say(f"capacity, {_AT_ONCE} clients in a loop ({rate:.2f} requests/s)")
    say("\n".join(f"  {line}" for line in closed.lines()))
    rate *= arguments.times
    say(f"{arguments.times:g} times that, {rate:.2f} arrivals/s for {arguments.minutes:g} min")
    opened = await offered(traffic, rate, arguments.minutes * 60, arguments.deadline_s)
    say("\n".join(f"  {line}" for line in opened.lines()))
    # Machines that are shared change: the capacity is the mean of before and after.
    after, _ = await capacity(traffic, arguments.capacity_s, arguments.deadline_s)
    share = 2 * opened.goodput / (closed.goodput + after.goodput)
    say(f"  capacity afterwards {after.goodput:.2f} clips/s; goodput over the mean {share:.1%}")
    return met(opened, share)


def met(tally: Tally, share: float) -> bool:
    """Whether the load's bars hold."""
    times = sorted(one.seconds for one in tally.of("right"))
    on_time = bool(times) and times[int(0.99 * len(times))] <= tally.deadline_s
    failed = [one for one in tally.outcomes if one.became == "failed"]
    return share >= 0.9 and on_time and not (tally.mixed_up or tally.twice or failed)


def main() -> int:
    """0 where the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--times", type=float, default=2)
    parser.add_argument("--warm-s", type=float, default=15)
    parser.add_argument("--capacity-s", type=float, default=60)
    parser.add_argument("--deadline-s", type=float, default=10)
    parser.add_argument("--store", type=Path, help="a model store; else the tests' small one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or export_small(Path(folder) / "store", "vgg19")
        within = {"AFFECT_ANSWER_WITHIN_S": str(arguments.deadline_s)}
        with Service(store, Path(folder) / "log", environment=within) as service:
            good = asyncio.run(measure(service.port, arguments))
    say("bars met" if good else "bars NOT met")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
