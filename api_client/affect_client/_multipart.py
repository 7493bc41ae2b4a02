"""Multipart bodies (RFC 7578), written in pieces.

Not by httpx: its own bodies of files stop an asynchronous client's loop for every read, and
cannot be watched or counted.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from affect_client.uploads import OnUpload, Upload


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    name: str
    content: bytes | Upload
    filename: str | None = None
    media_type: str = "application/octet-stream"

    def header(self) -> bytes:
        """Its header lines; names are escaped as browsers do (HTML, 4.10.21.8)."""
        lines = f'Content-Disposition: form-data; name="{_escaped(self.name)}"'
        if self.filename is not None:
            lines += f'; filename="{_escaped(self.filename)}"'
        lines += f"\r\nContent-Type: {self.media_type}\r\n\r\n"
        return lines.encode("utf-8", "replace")


class Multipart:
    """A multipart/form-data body (RFC 7578), written in pieces.

    Attributes:
        segments: bytes as they are, and clips that are read while they are sent.
    """

    def __init__(self, parts: Sequence[Part], boundary: str | None = None) -> None:
        self._boundary = boundary or os.urandom(16).hex()
        self.segments: list[bytes | Upload] = []
        for part in parts:
            self.segments += [f"--{self._boundary}\r\n".encode() + part.header(), part.content]
            self.segments.append(b"\r\n")
        self.segments.append(f"--{self._boundary}--\r\n".encode())

    @property
    def media_type(self) -> str:
        """Of the whole body, with its boundary."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def length(self) -> int | None:
        """Bytes in all; None where a part does not know its own."""
        sizes = [len(s) if isinstance(s, bytes) else s.size for s in self.segments]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def spent(self) -> bool:
        """Whether it can be written no more."""
        return any(isinstance(s, Upload) and s.spent for s in self.segments)

    def chunks(self, on_upload: OnUpload | None = None) -> Generator[bytes, None, None]:
        """The body from its beginning."""
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield segment
            else:
                yield from segment.chunks(on_upload)


def _escaped(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
