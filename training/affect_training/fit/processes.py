"""The processes of a run: one, or those that torchrun has started."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist

_PATIENCE: Final = timedelta(days=1)
"""Others wait while the first downloads weights or computes features."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among all of a run, as torchrun's environment tells."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.world and 0 <= self.local_rank < self.local_world):
            raise ValueError(f"rank {self.rank} of {self.world}")

    @classmethod
    def of_environment(cls) -> Processes:
        """From RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE; one process without them."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        defaults = (0, 1, 0, 1)
        return cls(*(int(os.environ.get(n, d)) for n, d in zip(names, defaults, strict=True)))

    @property
    def device(self) -> torch.device:
        """The GPU of this process, or the CPU."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank)
        return torch.device("cpu")

    def join(self) -> None:
        """From here on the processes can talk to one another, until they end.

        Once for a process: torchrun's store would hand a second group the first one's addresses.
        """
        if self.world == 1 or dist.is_initialized():
            return
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE)
        atexit.register(dist.destroy_process_group)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The first process runs the block while the others wait, then they do.

        For work whose result is kept in a file that all of them read.
        """
        if self.rank > 0:
            self.wait()
        yield
        if self.rank == 0:
            self.wait()
