"""Hostile clips, made by script: the same for the same seed, and no two seeds alike.

A family holds one kind of hostility. `specimens` takes from all of them in turn, so that any
beginning of it holds some of everything; most families never end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from torture.corpus.bombs import bombs
from torture.corpus.mutations import (
    Named,
    every_written,
    flipped,
    lying_sizes,
    lying_values,
    rearranged,
    truncated,
)
from torture.corpus.references import Lures, references
from torture.corpus.strangers import polyglots, strangers
from torture.corpus.streams import empty_frames, resized
from torture.corpus.times import broken_times

NO_LURES: Final = Lures()


class Specimen(NamedTuple):
    """One hostile upload."""

    family: str
    name: str
    data: bytes


FAMILIES: Final[dict[str, Callable[[Random, Lures], Iterator[Named]]]] = {
    "written": lambda chance, _: every_written(chance),
    "truncated": lambda chance, _: truncated(chance),
    "flipped": lambda chance, _: flipped(chance),
    "rearranged": lambda chance, _: rearranged(chance),
    "lying sizes": lambda chance, _: lying_sizes(chance),
    "lying values": lambda chance, _: lying_values(chance),
    "broken times": lambda chance, _: broken_times(chance),
    "resized": lambda chance, _: resized(chance),
    "empty frames": lambda chance, _: empty_frames(chance),
    "bombs": lambda chance, _: bombs(chance),
    "strangers": lambda chance, _: strangers(chance),
    "polyglots": lambda chance, _: polyglots(chance),
    "references": references,
}


def specimens(
    seed: int = 0, families: tuple[str, ...] = tuple(FAMILIES), lures: Lures = NO_LURES
) -> Iterator[Specimen]:
    """Hostile uploads without end, one of each family in turn while it has any.

    Args:
        seed: the same one gives the same ones.
        families: names of those wanted.
        lures: what references point to.
    """
    running = {
        name: FAMILIES[name](Random(f"{seed} {name}"), lures)  # noqa: S311
        for name in families
    }
    while running:
        for name in list(running):
            made = next(running[name], None)
            if made is None:
                del running[name]
            else:
                yield Specimen(name, *made)


def some(count: int, seed: int = 0, lures: Lures = NO_LURES) -> Iterator[Specimen]:
    """The first so many."""
    return itertools.islice(specimens(seed, lures=lures), count)
