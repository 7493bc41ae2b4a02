"""Looking after TorchServe's processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from affect_serving.watching import Watch

PROGRAM = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"


@pytest.fixture
def parent() -> Iterator[psutil.Process]:
    """A process with one child."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE)
    found = psutil.Process(process.pid)
    while not found.children():
        time.sleep(0.01)
    yield found
    process.communicate(b"\n")


class Told:
    """Workers as the management port tells of them, a clock, and who was lost."""

    def __init__(self) -> None:
        self.workers: dict[str, dict[int, str] | None] = {
            "affect": {1: "READY"},
            "affect-live": {2: "READY"},
        }
        self.now_s = 0.0
        self.lost: list[str] = []
        self.asked = 0

    def watch(self, pid: int) -> Watch:
        def workers(model: str) -> dict[int, str] | None:
            self.asked += 1
            return self.workers[model]

        return Watch(pid, list(self.workers), workers, self.lost.append, lambda: self.now_s)


def test_a_worker_that_is_replaced_is_told_once() -> None:
    told = Told()
    watch = told.watch(os.getpid())
    assert watch.look() is None
    for workers in ({1: "WORKER_ERROR"}, {1: "WORKER_STARTED"}, None, {7: "READY"}):
        told.workers["affect"] = workers
        told.now_s += 1
        assert watch.look() is None
    assert told.lost == ["affect"]
    told.workers["affect"] = {9: "READY"}
    assert watch.look() is None
    assert told.lost == ["affect", "affect"]


def test_a_live_worker_is_not_waited_for_and_one_of_clips_for_long() -> None:
    told = Told()
    watch = told.watch(os.getpid())
    watch.look()
    told.workers["affect"] = {1: "WORKER_ERROR"}
    told.now_s += 60
    assert watch.look() is None
    told.now_s += 61
    assert watch.look() == "affect has had no worker for 121 s."
    told.workers = {"affect": {1: "READY"}, "affect-live": {}}
    assert watch.look() == "The worker of the live sessions has died."


def test_a_process_that_stands_still_is_ended(parent: psutil.Process) -> None:
    told = Told()
    watch = told.watch(parent.pid)
    (child,) = parent.children()
    child.send_signal(signal.SIGSTOP)
    while child.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    watch.look()
    told.now_s += 0.5
    watch.look()
    assert child.is_running()
    assert told.asked == 0  # Java might be what stands still, and not answer
    told.now_s += 0.75
    watch.look()
    parent.wait(10)


def test_a_process_that_goes_on_soon_is_left_alone(parent: psutil.Process) -> None:
    told = Told()
    watch = told.watch(parent.pid)
    (child,) = parent.children()
    for how in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP):
        child.send_signal(how)
        stopped = how == signal.SIGSTOP
        while (child.status() == psutil.STATUS_STOPPED) is not stopped:
            time.sleep(0.01)
        watch.look()
        told.now_s += 0.75
    assert child.is_running()
    child.send_signal(signal.SIGCONT)


def test_a_family_that_is_gone_is_no_failure(parent: psutil.Process) -> None:
    watch = Told().watch(parent.pid)
    parent.kill()
    psutil.wait_procs([parent], timeout=10)
    assert watch.look() is None
