"""Clips and pictures decoded by `decoder_process`, one process for each job (Linux)."""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from affect_core.decoder_messages import (
    ERRORS,
    Answer,
    Ask,
    Begin,
    Ended,
    Failed,
    Next,
    OpenClip,
    Opened,
    Picture,
    Question,
    Shown,
    receive,
    send,
)
from affect_core.decoder_parent import DecoderParent
from affect_core.errors import FrameTooLargeError, UndecodableClipError
from affect_core.events import Bytes
from affect_core.limits import Deadline, Limits
from affect_core.types import ClipInfo, Image, Sample, Sampling

_log = logging.getLogger(__name__)

_LATE_S: Final = 5.0
"""After the deadline: for the decoder to say itself that it is over."""
_LOOK_S: Final = 0.25
"""How often one that waits looks at the deadline again."""
_LONG_S: Final = 1.0
"""An answer that takes longer makes for a long wait."""
_ATTEMPTS: Final = 3
_CHANNELS: Final = 3

Answered = TypeVar("Answered")
Pixels = NDArray[np.uint8]
LongWait = Callable[[], AbstractContextManager[None]]


class RemoteDecoders:
    """Starts decoders. Their common parent is started at once, and again where it has ended.

    Args:
        limits: what one job may ask.
        long_wait: what it makes is entered, in the job's thread, while an answer takes long: as
            long as a clip has frames to decode that are not wanted, say.
    """

    def __init__(self, limits: Limits, long_wait: LongWait = nullcontext) -> None:
        self._limits = limits
        self._long_wait = long_wait
        self._lock = threading.Lock()
        self._parent = DecoderParent()

    @contextmanager
    def clip(self, data: Bytes, deadline: Deadline) -> Iterator[RemoteClip]:
        """See `Decoders`."""
        with self._job(deadline) as job:
            yield RemoteClip(job, data, self._limits)

    @contextmanager
    def pictures(self, deadline: Deadline) -> Iterator[Callable[[Bytes], Image]]:
        """See `Decoders`."""
        with self._job(deadline) as job:

            def decode(data: Bytes) -> Image:
                deadline.check()
                asked = Picture(size=len(data), limits=self._limits)
                return job.image(_expected(Shown, job.ask(asked, data)))

            yield decode

    def close(self) -> None:
        """See `Decoders`."""
        self._parent.close()

    @contextmanager
    def _job(self, deadline: Deadline) -> Iterator[_Job]:
        number = os.memfd_create("frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(number, _CHANNELS * self._limits.max_pixels)
            # A decoder that made it smaller would crash who reads it.
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
            connection = self._forked(number)
            memory = mmap.mmap(number, 0, prot=mmap.PROT_READ)
        finally:
            os.close(number)
        with connection:
            yield _Job(connection, np.frombuffer(memory, np.uint8), deadline, self._long_wait)

    def _forked(self, memory: int) -> socket.socket:
        for _ in range(_ATTEMPTS):
            with self._lock:
                parent = self._parent
            connection = parent.fork(memory)
            if connection is not None:
                return connection
            with self._lock:
                if parent is self._parent:
                    _log.warning("the decoders' parent has ended; another is started")
                    parent.close()
                    self._parent = DecoderParent()
        raise RuntimeError("no decoder can be started")


class RemoteClip:
    """One clip in a decoder, as `ClipReader`.

    Raises:
        ClipError: as `ClipReader`; and `UndecodableClipError` where it crashes its decoder.
    """

    def __init__(self, job: _Job, data: Bytes, limits: Limits) -> None:
        self._job = job
        asked = OpenClip(
            size=len(data), limits=limits, allowed_s=job.deadline.seconds, left_s=job.deadline.left
        )
        self.info: ClipInfo = _expected(Opened, job.ask(asked, data)).info
        """What is known so far; `samples` completes it when it reaches the clip's end."""

    def samples(self, sampling: Sampling) -> Iterator[Sample]:
        """As `ClipReader.samples`."""
        self._job.tell(Begin(sampling=sampling))
        while True:
            answer = self._job.ask(Next())
            if isinstance(answer, Ended):
                self.info = answer.info
                return
            shown = _expected(Shown, answer)
            yield Sample(shown.index, shown.time_s, self._job.image(shown))


class _Job:
    """A decoder, as seen from here."""

    def __init__(
        self,
        connection: socket.socket,
        memory: Pixels,
        deadline: Deadline,
        long_wait: LongWait,
    ) -> None:
        self.deadline = deadline
        self._connection = connection
        self._memory = memory
        self._long_wait = long_wait

    def tell(self, message: Question, data: Bytes = b"") -> None:
        """Send what is not answered, or not yet.

        Raises:
            DeadlineExceededError, UndecodableClipError.
        """
        self._connection.settimeout(max(0.0, self.deadline.left) + _LATE_S)
        try:
            send(self._connection, Ask(of=message), data)
        except TimeoutError:
            raise self.deadline.error() from None
        except OSError:
            raise _crashed() from None

    def ask(self, message: Question, data: Bytes = b"") -> Opened | Shown | Ended:
        """Send, and wait for the answer, until the deadline.

        Raises:
            ClipError: what the decoder says of the clip, or what became of the decoder.
            RuntimeError: a defect.
        """
        self.tell(message, data)
        try:
            self._wait()
            answer = receive(Answer, self._connection).of
        except TimeoutError:
            raise self.deadline.error() from None
        except (EOFError, OSError, ValueError):
            raise _crashed() from None
        if isinstance(answer, Failed):
            raise _failure(answer)
        return answer

    def _wait(self) -> None:
        """Until there is an answer, or until the deadline is over, which may be brought forward."""
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN)
        if waiting.poll(1000 * _LONG_S):
            return
        with self._long_wait():
            while not waiting.poll(1000 * _LOOK_S):
                if self.deadline.left < -_LATE_S:
                    raise TimeoutError

    def image(self, shown: Shown) -> Image:
        """The picture in the shared memory, copied."""
        size = _CHANNELS * shown.width * shown.height
        if size > self._memory.size:
            raise _crashed()
        return self._memory[:size].reshape(shown.height, shown.width, _CHANNELS).copy()


def _expected(kind: type[Answered], answer: object) -> Answered:
    if not isinstance(answer, kind):
        raise _crashed()
    return answer


def _failure(told: Failed) -> Exception:
    if told.error in ERRORS:
        return ERRORS[told.error](told.text)
    if told.error == MemoryError.__name__:
        return FrameTooLargeError(
            "To decode this clip takes more memory than is allowed. Convert it to fewer pixels."
        )
    _log.error("%s in a decoder at %s", told.error, told.text)
    return RuntimeError("a defect in a decoder")


def _crashed() -> UndecodableClipError:
    _log.warning("a decoder ended before its clip")
    return UndecodableClipError(
        "The clip crashes its decoder, or keeps it busy without end. It is damaged in a way that "
        "players may show something of; convert it, for example to H.264 in MP4."
    )
