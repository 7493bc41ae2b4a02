"""Both clients behind one face."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from affect_client import AffectClient, AsyncAffectClient
from calls import Call
from peers import Peers


def _sync(server: Peers, method: str, *args: Any, **settings: Any) -> Any:
    with AffectClient(base_url=server.url, **settings) as client:
        try:
            result = getattr(client, method)(*args)
            return list(result) if method in {"stream", "predict_many"} else result
        finally:
            server.wait_until_free()


def _async(server: Peers, method: str, *args: Any, **settings: Any) -> Any:
    async def run() -> Any:
        async with AsyncAffectClient(base_url=server.url, **settings) as client:
            try:
                result = getattr(client, method)(*args)
                if method in {"stream", "predict_many"}:
                    return [each async for each in result]
                return await result
            finally:
                await asyncio.to_thread(server.wait_until_free)

    return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """`call(server, method, *args, **settings)` of a client of either kind.

    While the client is still open, no connection may be left: the servers of these tests say that
    they close theirs, or break it.
    """
    return _sync if request.param == "sync" else _async
