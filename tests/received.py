"""A request as a server of the tests has it."""

from __future__ import annotations

import email
import email.message
import email.policy
from dataclasses import dataclass
from typing import cast


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def parts(self) -> dict[str, bytes]:
        """Contents of a multipart body by part name, as a parser of mail reads them."""
        return {name: content for name, (_, content) in self.files().items()}

    def files(self) -> dict[str, tuple[str | None, bytes]]:
        """The same with file names."""
        media_type = b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
        mail = email.message_from_bytes(media_type + self.body, policy=email.policy.HTTP)
        return {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename(),
                cast("bytes", part.get_payload(decode=True)),
            )
            for part in cast("list[email.message.Message]", mail.get_payload())
        }
