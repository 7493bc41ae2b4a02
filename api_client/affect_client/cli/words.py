"""Words for a terminal: what comes from outside can hold anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Without anything that moves a terminal's cursor, colours it or turns its writing round."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def file_name(path: str) -> str:
    """A clip's name without its folders."""
    return "standard input" if path == "-" else plain(PurePath(path).name or path)


def shortened(text: str, width: int) -> str:
    """At most so many characters, of which the end says which of many clips it is."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def counted(count: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([*filter(None, [", ".join(parts[:-1])]), *parts[-1:]])
