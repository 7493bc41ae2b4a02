"""How work says how far it is, without a thought to who draws it."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int, int], None]
"""Called with what is done so far and what there is in all, 0 where that is not known."""

Progress = Callable[[str], Advance]
"""Called with the name of a piece of work as it begins, for people to read."""
