"""An answer that is held until it is whole.

TorchServe sends a clip's answer in chunks, and the last of them, which is empty, one call of the
worker later. A worker that dies in between leaves a client with all of its answer but the end, and
a request whose answer has begun is not sent again. Held, the answer is whole or has not begun.
"""

from __future__ import annotations

import asyncio
from typing import Final

from affect_serving.http_heads import BodyEnd, Head

_MOST_BYTES: Final = 16 << 20
"""Beyond which an answer goes out as it comes: about 80,000 faces."""
PIECE_BYTES: Final = 256 << 10


def is_stream(head: Head) -> bool:
    """Whether the answer is lines that leave one by one."""
    return head.header(b"content-type").startswith(b"application/x-ndjson")


def may_be_held(head: Head) -> bool:
    """Whether the answer comes in chunks, and is no stream."""
    return b"chunked" in head.header(b"transfer-encoding") and not is_stream(head)


async def held(head: Head, body: asyncio.StreamReader) -> bytes:
    """The answer's body as it came, whole, or so much of it as is held.

    Raises:
        EOFError: it ended before its end.
    """
    end, kept = BodyEnd(head), bytearray()
    while not end.reached and len(kept) <= _MOST_BYTES:
        piece = await body.read(PIECE_BYTES)
        if not piece:
            raise EOFError
        own, _ = end.take(piece)
        kept += own
    return bytes(kept)
