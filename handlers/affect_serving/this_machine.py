"""JSON from this machine's own ports, by the standard library alone."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.request import ProxyHandler, build_opener

_opener: Final = build_opener(ProxyHandler({}))
"""The environment may name a proxy, which is not for this machine's own ports."""


def get_json(url: str, timeout_s: float) -> Any:
    """What is answered, read as JSON.

    Raises:
        OSError: nobody answers, or with a status of failure.
        ValueError: the answer is not JSON.
    """
    with _opener.open(url, timeout=timeout_s) as answer:
        return json.load(answer)
