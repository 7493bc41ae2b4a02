"""This process among those of a run."""

from __future__ import annotations

import pytest
import torch.distributed as dist

from affect_training.fit.processes import Processes

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


def test_without_torchrun_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    alone = Processes.of_environment()
    assert alone == Processes(0, 1, 0, 1)
    alone.join()
    with alone.first_before_others():
        alone.wait()
        assert not dist.is_initialized()


def test_torchrun_s_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("5", "8", "1", "4"), strict=True):
        monkeypatch.setenv(name, value)
    assert Processes.of_environment() == Processes(5, 8, 1, 4)


@pytest.mark.parametrize("numbers", [(2, 2, 0, 1), (-1, 2, 0, 1), (0, 2, 2, 2), (0, 0, 0, 1)])
def test_a_rank_outside_its_world_is_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="rank"):
        Processes(*numbers)
