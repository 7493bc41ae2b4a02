"""Where clips and pictures are decoded: in processes of their own, or here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from affect_core.decode import ClipReader
from affect_core.events import Bytes
from affect_core.limits import Deadline, Limits
from affect_core.pictures import decode_picture
from affect_core.remote_decoders import LongWait, RemoteDecoders
from affect_core.types import ClipInfo, Image, Sample, Sampling


class Clip(Protocol):
    """An opened clip, as `ClipReader`."""

    @property
    def info(self) -> ClipInfo:
        """What is known so far; `samples` completes it when it reaches the clip's end."""

    def samples(self, sampling: Sampling) -> Iterator[Sample]:
        """The frames on screen, in order.

        Raises:
            ClipError: as `ClipReader.samples`.
        """


class Decoders(Protocol):
    """Opens clips and decodes pictures, from any thread."""

    def clip(self, data: Bytes, deadline: Deadline) -> AbstractContextManager[Clip]:
        """Open a clip.

        Raises:
            ClipError: as `ClipReader`.
        """

    def pictures(self, deadline: Deadline) -> AbstractContextManager[Callable[[Bytes], Image]]:
        """What decodes pictures, as `decode_picture`."""

    def close(self) -> None:
        """No job is in hand any more."""


class LocalDecoders:
    """Decodes in this process, which a clip that crashes FFmpeg ends."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def clip(self, data: Bytes, deadline: Deadline) -> AbstractContextManager[Clip]:
        """See `Decoders`."""
        return ClipReader(data, self._limits, deadline)

    @contextmanager
    def pictures(self, deadline: Deadline) -> Iterator[Callable[[Bytes], Image]]:
        """See `Decoders`."""

        def decode(data: Bytes) -> Image:
            deadline.check()
            return decode_picture(data, self._limits)

        yield decode

    def close(self) -> None:
        """See `Decoders`."""


def isolated_decoders(limits: Limits, long_wait: LongWait) -> Decoders:
    """Decoders that a clip cannot take this process along with, where the system has them.

    Args:
        limits: what one job may ask.
        long_wait: as `RemoteDecoders` has it; nobody waits for what is decoded here.
    """
    return RemoteDecoders(limits, long_wait) if sys.platform == "linux" else LocalDecoders(limits)
