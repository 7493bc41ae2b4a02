"""Sums and rows of all processes, through which gradients flow back to each."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


def several_processes() -> bool:
    """Whether this process trains together with others."""
    return dist.is_initialized() and dist.get_world_size() > 1


def summed(value: Tensor) -> Tensor:
    """The sum of all processes' values; of itself where there is one."""
    if not several_processes():
        return value
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return total


def gathered(rows: Tensor) -> Tensor:
    """All processes' rows in the order of their ranks; each must bring the same shape."""
    if not several_processes():
        return rows
    joined: Tensor = _Rows.apply(rows)  # type: ignore[no-untyped-call]
    return joined


class _Sum(Function):
    """y = sum over processes of x; dL/dx = sum over processes of dL/dy."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class _Rows(Function):
    """y = rows of all processes; dL/dx = own rows of the sum of all processes' dL/dy."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        start = dist.get_rank() * int(ctx.count)
        return total[start : start + int(ctx.count)]
