"""A short overload: no answer reaches the wrong caller, and what is too much is refused in time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from torture.load import capacity, offered
from torture.service import Service
from torture.tally import Tally, percentile
from torture.traffic import Traffic

DEADLINE_S = 10.0


async def overloaded(port: int) -> tuple[Tally, Tally]:
    traffic = Traffic("127.0.0.1", port)
    await traffic.learn(range(6))
    closed, rate = await capacity(traffic, 8, DEADLINE_S)
    return closed, await offered(traffic, 3 * rate, 12, DEADLINE_S)


def test_three_times_too_much_for_a_short_time(small_store: Path, tmp_path: Path) -> None:
    environment = {"AFFECT_ANSWER_WITHIN_S": str(DEADLINE_S), "AFFECT_MAX_CLIPS": "16"}
    with Service(small_store, tmp_path / "log", environment=environment) as service:
        closed, opened = asyncio.run(overloaded(service.port))
    told = "\n".join([*closed.lines(), *opened.lines()])
    for tally in (closed, opened):
        assert tally.of("right"), told
        assert (tally.mixed_up, tally.twice) == (0, 0), told
        assert [one for one in tally.outcomes if one.became == "failed"] == [], told
    refused = opened.of("refused")
    assert refused, told
    assert all(one.retry_after for one in refused)
    # How long it takes is a busy machine's matter, but it is no clip's time.
    answered = percentile([one.seconds for one in opened.of("right")], 0.5)
    assert percentile([one.seconds for one in refused], 0.5) < answered, told
