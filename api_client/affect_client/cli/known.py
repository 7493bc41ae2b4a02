"""A clip whose right answer is known: `affect learn`, `affect compare` and `affect probe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from affect_client.cli.endings import CommandError, Ending
from affect_client.probing import Attempt, Expected

ClipFile = Annotated[
    Path, typer.Argument(metavar="CLIP", help="A video file.", exists=True, dir_okay=False)
]
KnownFile = Annotated[
    Path, typer.Argument(metavar="KNOWN", help="Its answer, as JSON.", dir_okay=False)
]
Tolerance = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Largest difference that is right, as a share of the scale from -1 to 1.",
    ),
]


@dataclass(frozen=True, slots=True)
class KnownClip:
    """A clip, its right answer, and how far another may be from it."""

    clip: bytes
    expected: Expected
    tolerance: float

    @classmethod
    def read(cls, clip: Path, known: Path, tolerance: float) -> KnownClip:
        """From files.

        Raises:
            CommandError: `known` does not hold an answer to this clip.
        """
        data = clip.read_bytes()
        try:
            return cls(data, Expected.read(known, data), tolerance)
        except ValueError as error:
            raise CommandError(str(error), Ending.USAGE) from None

    def sentence(self, tried: Attempt) -> str:
        """What came of an attempt that was answered."""
        far = ", ".join(f"{name} {value:.4f}" for name, value in (tried.distances or {}).items())
        other = " Another model answered than the one it was learned from." * tried.other_weights
        right = f"up to {self.tolerance:g} is right"
        return f"distance {far} ({right}), {tried.seconds:.2f} s.{other}"

    def holds(self, tried: Attempt) -> bool:
        """Whether the answer is the expected one."""
        return tried.distances is not None and max(tried.distances.values()) <= self.tolerance
