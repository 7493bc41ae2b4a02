"""Crops of many tracks, in any order -> one padded batch of sequences, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from affect_core.temporal import TemporalState


@dataclass(frozen=True, slots=True)
class SequenceBatch:
    """Right-padded sequences: values (B, T, C, H, W) and mask (B, T), True where real."""

    values: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if self.values.ndim != 5 or self.mask.shape != self.values.shape[:2]:
            raise ValueError(f"shapes {tuple(self.values.shape)}, {tuple(self.mask.shape)}")
        if self.mask.dtype != torch.bool:
            raise ValueError(f"mask is {self.mask.dtype}, not bool")


def pack(values: Tensor, rows: Sequence[Sequence[int]]) -> SequenceBatch:
    """Gather `values` (N, C, H, W) into one sequence for each of `rows`.

    Args:
        values: one row for each crop.
        rows: for each sequence the positions of its crops in time order; none is empty.
    """
    if not rows or not all(rows):
        raise ValueError("every sequence needs at least one crop")
    steps = max(len(row) for row in rows)
    positions = torch.tensor(
        [[*row, *[row[-1]] * (steps - len(row))] for row in rows], device=values.device
    )
    mask = torch.tensor(
        [[step < len(row) for step in range(steps)] for row in rows], device=values.device
    )
    return SequenceBatch(values[positions], mask)


def unpack(outputs: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
    """The inverse of `pack` for outputs (B, T, K): (N, K), one row for each crop."""
    count = sum(len(row) for row in rows)
    flat = outputs.new_empty((count, outputs.shape[-1]))
    for row, sequence in zip(rows, outputs, strict=True):
        flat[list(row)] = sequence[: len(row)]
    return flat


def join_states(states: Sequence[TemporalState]) -> TemporalState:
    """States of single tracks, batch 1 each, as one batch."""
    return tuple(torch.cat(memories) for memories in zip(*states, strict=True))


def split_state(state: TemporalState) -> list[TemporalState]:
    """The inverse of `join_states`: copies, so that one track's state keeps no other alive."""
    batch = state[0].shape[0]
    return [tuple(memory[i : i + 1].clone() for memory in state) for i in range(batch)]
