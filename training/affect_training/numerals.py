"""Numbers as people read them."""

from __future__ import annotations


def decimals(value: float, places: int = 3) -> str:
    """`value` with so many decimals; what rounds to zero has no sign."""
    # -0.0 + 0.0 is 0.0. The format "z" does this too, from Python 3.11 on.
    return f"{round(value, places) + 0.0:.{places}f}"


def counted(number: int, noun: str) -> str:
    """For example "1 clip" and "2 clips"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
