"""Request bodies for asyncio: a thread reads, so that a slow disk does not stop the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from affect_client._multipart import Multipart
from affect_client.uploads import OnUpload, Reader, Upload


async def body_chunks(body: Multipart, on_upload: OnUpload | None) -> AsyncGenerator[bytes, None]:
    """`Multipart.chunks` for asyncio."""
    for segment in body.segments:
        if isinstance(segment, bytes):
            yield segment
        else:
            async with aclosing(_clip_chunks(segment, on_upload)) as chunks:
                async for chunk in chunks:
                    yield chunk


async def _clip_chunks(upload: Upload, on_upload: OnUpload | None) -> AsyncGenerator[bytes, None]:
    sent = 0
    reading = False
    opening = asyncio.get_running_loop().run_in_executor(None, upload.open)
    try:
        reader = await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread opens it all the same.
        opening.add_done_callback(_close)
        raise
    try:
        while True:
            if on_upload is not None:
                on_upload(sent, upload.size)
            if sent == upload.size:
                return
            reading = True
            chunk = await asyncio.to_thread(upload.read, reader, sent)
            reading = False
            if not chunk:
                return
            yield chunk
            sent += len(chunk)
    finally:
        if reading:
            # Cancelled, or failed. A cancelled thread still reads; closing waits for it and must
            # not hold up the loop, for a pipe may never be written to.
            asyncio.get_running_loop().run_in_executor(None, reader.close)
        else:
            reader.close()


def _close(opened: asyncio.Future[Reader]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
