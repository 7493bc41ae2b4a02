"""Several clips at a time for the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

from affect_client._many import AsCompleted, ClipOutcome, outcome
from affect_client.errors import AffectError
from affect_client.results import AffectResult
from affect_client.uploads import ClipSource


async def run_in_tasks(
    predict: Callable[[ClipSource], Awaitable[AffectResult]],
    clips: Iterable[ClipSource],
    order: AsCompleted,
) -> AsyncGenerator[ClipOutcome, None]:
    """Outcomes of clips, which are taken from their iterable as there is room.

    Where the caller stops early, clips that have begun are cancelled; close the generator
    (`contextlib.aclosing`) to have that done at once.
    """

    async def work(index: int, clip: ClipSource) -> ClipOutcome:
        try:
            return outcome(index, clip, await predict(clip))
        except AffectError as error:
            return outcome(index, clip, error)

    remaining = enumerate(clips)
    has_more = True
    running: set[asyncio.Task[ClipOutcome]] = set()
    try:
        while has_more or running:
            while has_more and order.has_room:
                job = next(remaining, None)
                if job is None:
                    has_more = False
                else:
                    order.begin()
                    running.add(asyncio.create_task(work(*job)))
            if running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    for finished in order.finish(task.result()):
                        yield finished
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
