"""Calls of clients in tests: settings, and what a failing one must look like."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from affect_client import AffectError, RetryPolicy, Timeouts
from peers import Behaviour, Peer, Peers
from received import Received
from spoken import prediction

Call = Callable[..., Any]
"""The fixture `call`: a client of either kind."""
FAST = RetryPolicy(max_retries=2, first_delay_s=0.01, max_delay_s=0.01, deadline_s=60)
ONCE = RetryPolicy(max_retries=0)
SOON_S = 15
"""No test waits for more than half a second; the rest is a busy machine's."""


def quick(**timeouts: float) -> Timeouts:
    """Long waits but for those that a test is about."""
    return Timeouts(**{"answer_s": 60, "read_s": 60, "stream_s": 60, "live_s": 60, **timeouts})


def whole(peer: Peer, request: Received) -> None:
    """A server's good answer."""
    peer.answer(prediction())


def fails(
    call: Call, kind: type[AffectError], behave: Behaviour, *args: Any, **settings: Any
) -> Any:
    """The error of a call that must fail with just this kind, soon, and leave no connection."""
    began = time.monotonic()
    with Peers(behave) as server:
        with pytest.raises(kind) as caught:
            call(server, *(args or ("predict", b"clip")), **{"retries": ONCE, **settings})
        assert type(caught.value) is kind
        assert time.monotonic() - began < SOON_S
        assert len(str(caught.value)) > 30
        return caught.value
