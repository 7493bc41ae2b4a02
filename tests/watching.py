"""Somebody who watches work go on."""

from __future__ import annotations

from affect_training.progress import Advance


class Watch:
    """Takes down each count as (name, done, total); passes for a `Progress`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, name: str) -> Advance:
        """A piece of work begins."""
        return lambda done, total: self.seen.append((name, done, total))
