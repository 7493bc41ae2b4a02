"""A replica is killed with 30 clips in flight, then a new version takes over: nothing is lost."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

import clips
from affect_client import AffectClient, AffectError
from gateway import Gateway
from replicas import Replica

pytestmark = pytest.mark.system

IN_FLIGHT = 30


def retried(gateway: Gateway) -> int:
    """Requests that the gateway gave to more than one replica."""
    return sum("," in line["replicas"] for line in gateway.lines())


def answered(client: AffectClient) -> int:
    """Frames of carphone's first second; raises what the client does, which does not try again."""
    return len(client.predict(clips.carphone(), end_s=1).frames)


def report(what: str, sent: list[Future[int]], gateway: Gateway, before: int = 0) -> int:
    """Wait for all, print the counts; how many were lost."""
    wait(sent)
    retried_there = retried(gateway) - before
    lost = [each for each in sent if each.exception() is not None]
    why = "".join(f"\n{each.exception()!r}" for each in lost)
    sys.stdout.write(
        f"\n{what}: sent {len(sent)}, answered {len(sent) - len(lost)}, "
        f"retried {retried_there}, lost {len(lost)}{why}\n"
    )
    return len(lost)


def go_on(sent: list[Future[int]]) -> None:
    """Return when 12 more clips were answered."""
    enough = sum(each.done() for each in sent) + 12
    deadline = time.monotonic() + 60
    while sum(each.done() for each in sent) < enough:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_clip_is_lost_when_a_replica_dies_nor_when_a_new_version_is_rolled_out(
    small_store: Path, tmp_path: Path
) -> None:
    dying = Replica(small_store, tmp_path / "dying")
    old = Replica(small_store, tmp_path / "old")
    pair = [dying, old]
    (tmp_path / "gateway").mkdir()
    try:
        for replica in pair:
            replica.wait_ready()
        with (
            Gateway(tmp_path / "gateway", [replica.address for replica in pair]) as gateway,
            gateway.http() as http,
            gateway.client(http) as client,
            ThreadPoolExecutor(IN_FLIGHT) as pool,
        ):
            clips.carphone()
            sent = [pool.submit(answered, client) for _ in range(IN_FLIGHT)]
            while not any(each.done() for each in sent):
                time.sleep(0.01)
            dying.kill()
            assert report("killed", sent, gateway) == 0
            assert {each.result() for each in sent} == {5}
            assert retried(gateway) > 0

            before = retried(gateway)
            new = Replica(small_store, tmp_path / "new")
            pair.append(new)
            new.wait_ready()
            stop = threading.Event()
            sent = []

            def work() -> None:
                while not stop.is_set():
                    # Into the list at once: `submit` of a pool would give it back too late.
                    each: Future[int] = Future()
                    sent.append(each)
                    try:
                        each.set_result(answered(client))
                    except AffectError as error:
                        each.set_exception(error)

            working = [pool.submit(work) for _ in range(6)]
            steps = (
                [f"{old.address} weight=9", new.address],
                [old.address, f"{new.address} weight=9"],
            )
            for step in steps:
                gateway.serve(step)
                gateway.reload()
                go_on(sent)
            # Told to stop while the gateway still gives it clips: it refuses, the other takes them.
            old.drain()
            go_on(sent)
            gateway.serve([new.address])
            gateway.reload()
            go_on(sent)
            stop.set()
            for thread in working:
                thread.result()
            assert old.stop() == 0
            assert report("rolled out", sent, gateway, before) == 0
    finally:
        for replica in pair:
            replica.stop()
