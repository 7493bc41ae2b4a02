"""Which request this is, in the words of its gateway and its trace.

Only what has the shape of an identifier is taken: clients can send anything in a header, and it
ends up in a log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from affect_serving import edge

TRACEPARENT: Final = "traceparent"
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)
"""W3C Trace Context, version 00; of later versions the same four fields."""
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""nginx's `$request_id`, or a UUID."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request belongs; None is what was not said, or not in that shape.

    `request` is TorchServe's own id, which the response carries as `x-request-id`.
    """

    request: str
    gateway_request: str | None = None
    traceparent: str | None = None

    @property
    def trace(self) -> str | None:
        """The trace's id, 32 hex digits."""
        return None if self.traceparent is None else self.traceparent.split("-")[1]

    @property
    def span(self) -> str | None:
        """The caller's span, 16 hex digits."""
        return None if self.traceparent is None else self.traceparent.split("-")[2]

    @classmethod
    def of(cls, context: Any, position: int) -> Origin:
        """Of a request of TorchServe's."""
        gateway = edge.header(context, position, "x-request-id")
        parent = edge.header(context, position, TRACEPARENT)
        return cls(
            context.get_request_id(position),
            gateway if _REQUEST_ID.fullmatch(gateway) else None,
            parent if _TRACEPARENT.fullmatch(parent) else None,
        )
