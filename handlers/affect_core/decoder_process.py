"""The process that decodes: one is forked for each job, so that a clip can only end its own.

A parent of theirs has imported what they need, does nothing else, and forks one for each pair of
a socket and shared memory that it is sent. So a decoder takes milliseconds to start, and holds
nothing of any other clip.

FFmpeg and OpenCV read hostile bytes in C. What they can do to a decoder costs that one job: a
crash, a loop without end (`PACKET_CPU_S`), memory (`Limits.max_decoder_bytes`). No file can be
written, and no core is dumped, as it would hold the clip.
"""

from __future__ import annotations

import gc
import mmap
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from affect_core.cores import STEPS_BACK
from affect_core.decode import ClipReader
from affect_core.decoder_messages import (
    READY,
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
    receive_bytes,
    send,
)
from affect_core.errors import ClipError, place_of
from affect_core.limits import Deadline, Limits
from affect_core.pictures import decode_picture
from affect_core.types import Image, Sample

PACKET_CPU_S: Final = 20.0
"""Processor seconds for one packet, or to open a container. An 8K frame takes under one."""
_OPEN_FILES: Final = 64


class _Watched:
    """A deadline that is also a sign of life, and the end where nobody waits any more."""

    def __init__(self, deadline: Deadline, connection: socket.socket) -> None:
        self._deadline = deadline
        self._poll = select.poll()
        self._poll.register(connection, select.POLLHUP)

    def check(self) -> None:
        """As `Deadline.check`."""
        if self._poll.poll(0):
            os._exit(0)
        _alive()
        self._deadline.check()


def main() -> None:
    """Fork decoders until the socket, whose number is the first argument, is closed."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.nice(STEPS_BACK)
    # Out of memory, the system is to end a decoder and not the worker.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # The system forgets children that have ended; a handler of ours would find them one by one.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    while True:
        message, numbers, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _decode(*numbers)
        for number in numbers:
            os.close(number)


def _decode(connection_number: int, memory_number: int) -> None:
    """One job, and the end of this process."""
    try:
        connection = socket.socket(fileno=connection_number)
        connection.sendall(READY)
        memory = mmap.mmap(memory_number, 0)
        os.close(memory_number)
        _Decoder(connection, memory).run()
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


class _Decoder:
    """One job's answers.

    Args:
        connection: to who asks.
        memory: where pixels go, large enough for a frame within the limits.
    """

    def __init__(self, connection: socket.socket, memory: mmap.mmap) -> None:
        self._connection = connection
        self._pixels = np.frombuffer(memory, np.uint8)
        self._written: Image | None = None
        self._reader: ClipReader | None = None
        self._samples: Iterator[Sample] = iter(())

    def run(self) -> None:
        """Answer until nobody asks any more.

        Raises:
            EOFError, OSError: nobody does.
        """
        while True:
            signal.setitimer(signal.ITIMER_PROF, 0)
            asked = receive(Ask, self._connection).of
            _alive()
            try:
                answer = self._answer(asked)
            except ClipError as error:
                answer = Failed(error=type(error).__name__, text=str(error))
            except MemoryError:
                answer = Failed(error="MemoryError", text="")
            except Exception as error:
                answer = Failed(error=type(error).__name__, text=place_of(error))
            if answer is not None:
                send(self._connection, Answer(of=answer))

    def _answer(self, asked: Question) -> Opened | Shown | Ended | Failed | None:
        match asked:
            case OpenClip():
                data = bytes(receive_bytes(self._connection, asked.size))
                _bound(asked.limits, asked.left_s)
                deadline = Deadline.begun(asked.allowed_s, asked.left_s)
                patience = _Watched(deadline, self._connection)
                self._reader = ClipReader(data, asked.limits, patience)
                return Opened(info=self._reader.info)
            case Begin():
                self._samples = self._opened().samples(asked.sampling)
                return None
            case Next():
                sample = next(self._samples, None)
                if sample is None:
                    return Ended(info=self._opened().info)
                return self._shown(sample.index, sample.time_s, sample.image)
            case Picture():
                data = bytes(receive_bytes(self._connection, asked.size))
                _bound(asked.limits, PACKET_CPU_S)
                return self._shown(0, 0.0, decode_picture(data, asked.limits))

    def _opened(self) -> ClipReader:
        if self._reader is None:
            raise RuntimeError("no clip is open")
        return self._reader

    def _shown(self, index: int, time_s: float, image: Image) -> Shown:
        if image is not self._written:
            self._pixels[: image.size] = image.reshape(-1)
            self._written = image
        height, width = image.shape[:2]
        return Shown(index=index, time_s=time_s, width=width, height=height)


def _alive() -> None:
    # The signal's default is the process's end, in the middle of C code too.
    signal.setitimer(signal.ITIMER_PROF, PACKET_CPU_S)


def _bound(limits: Limits, seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + max(0.0, seconds)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.max_decoder_bytes, limits.max_decoder_bytes))


if __name__ == "__main__":
    main()
