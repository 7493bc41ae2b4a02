from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from affect_core.cores import available_cores, step_back


@pytest.fixture
def _eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.usefixtures("_eight")
@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("6400000 100000", 8),
        ("", 8),
        ("1 0", 8),
    ],
)
def test_a_containers_quota_counts(quota: str, cores: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert available_cores(tmp_path / "cpu.max") == cores


@pytest.mark.usefixtures("_eight")
def test_without_a_control_group_it_is_the_affinity(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "cpu.max") == 8


def test_there_is_always_one() -> None:
    assert available_cores() >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of threads is Linux's")
def test_only_the_thread_that_steps_back_does() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    with ThreadPoolExecutor(1, initializer=step_back) as pool:
        assert pool.submit(niceness).result() == min(19, before + 10)
    assert niceness() == before
