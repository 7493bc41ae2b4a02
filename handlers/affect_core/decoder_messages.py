"""What a decoder process is asked and what it answers, over a socket.

A message is JSON behind its length (4 bytes, big-endian); bytes of a clip follow theirs. Pixels
go through shared memory. Nothing is unpickled: what decodes a hostile clip may itself have become
hostile, and its answers are read as such.
"""

from __future__ import annotations

import socket
import struct
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from affect_core.errors import ClipError
from affect_core.limits import Limits
from affect_core.types import ClipInfo, Sampling

Message = TypeVar("Message", bound=BaseModel)

READY: Final = b"r"
"""A decoder's first byte, and the only one that its parent is sent."""
_LENGTH: Final = struct.Struct(">I")
_MAX_BYTES: Final = 16_384
_PIECE_BYTES: Final = 1 << 20
ERRORS: Final[dict[str, type[ClipError]]] = {
    error.__name__: error for error in ClipError.__subclasses__()
}


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class OpenClip(_Message):
    """Open the clip whose `size` bytes follow; answered by `Opened` or `Failed`."""

    ask: Literal["clip"] = "clip"
    size: int = Field(ge=0)
    limits: Limits
    allowed_s: float
    """For all of the clip; for the sentence that says that they are over."""
    left_s: float
    """Of these, now."""


class Begin(_Message):
    """Take samples of the clip that is open; not answered."""

    ask: Literal["begin"] = "begin"
    sampling: Sampling


class Next(_Message):
    """Decode up to the next sample; answered by `Shown`, `Ended` or `Failed`."""

    ask: Literal["next"] = "next"


class Picture(_Message):
    """Decode the picture whose `size` bytes follow; answered by `Shown` or `Failed`."""

    ask: Literal["picture"] = "picture"
    size: int = Field(ge=0)
    limits: Limits


Question = OpenClip | Begin | Next | Picture


class Ask(_Message):
    """Any of them."""

    of: Annotated[Question, Field(discriminator="ask")]


class Opened(_Message):
    """The clip's container and first frame were read."""

    answer: Literal["opened"] = "opened"
    info: ClipInfo


class Shown(_Message):
    """Its pixels lie at the beginning of the shared memory: RGB, height x width x 3."""

    answer: Literal["shown"] = "shown"
    index: int = Field(ge=0)
    time_s: float = Field(ge=0, allow_inf_nan=False)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Ended(_Message):
    """There is no sample any more; what is known of the clip now."""

    answer: Literal["ended"] = "ended"
    info: ClipInfo


class Failed(_Message):
    """A `ClipError`, by its name, or a defect: its kind and place."""

    answer: Literal["failed"] = "failed"
    error: Annotated[str, StringConstraints(pattern=r"^\w{1,60}$")]
    text: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,1000}$")]


class Answer(_Message):
    """Any of them."""

    of: Annotated[Opened | Shown | Ended | Failed, Field(discriminator="answer")]


def send(to: socket.socket, message: BaseModel, data: bytes | bytearray | memoryview = b"") -> None:
    """Send a message, and the bytes that follow it.

    Raises:
        OSError: nobody is there to read it.
    """
    text = message.model_dump_json().encode()
    to.sendall(_LENGTH.pack(len(text)) + text)
    if data:
        to.sendall(data)


def receive(of: type[Message], source: socket.socket) -> Message:
    """The next message.

    Raises:
        EOFError: there will be none.
        OSError: the wait was too long, or the connection broke.
        ValueError: it is no such message.
    """
    (length,) = _LENGTH.unpack(receive_bytes(source, _LENGTH.size))
    if length > _MAX_BYTES:
        raise ValueError(f"a message of {length} bytes")
    return of.model_validate_json(bytes(receive_bytes(source, length)))


def receive_bytes(source: socket.socket, size: int) -> bytearray:
    """So many bytes.

    Raises:
        EOFError: there are not so many.
        OSError: the wait was too long, or the connection broke.
    """
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        read = source.recv_into(view[have : have + _PIECE_BYTES])
        if read == 0:
            raise EOFError
        have += read
    return data
