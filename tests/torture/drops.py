"""Uploads that come in drops: `python -m torture.drops PORT HOW_MANY SECONDS`."""

from __future__ import annotations

import asyncio
import sys

from torture import coded
from torture.wires import Manners, post


async def drip(port: int, count: int, seconds: float) -> None:
    """So many uploads at once, each taking so long."""
    data = {"data": coded.clip(0)}
    manners = Manners(trickle_s=seconds)
    path = "/predictions/affect"
    each = (post("127.0.0.1", port, path, data, manners=manners) for _ in range(count))
    await asyncio.gather(*each, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(drip(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
