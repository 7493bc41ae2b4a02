"""The process that decoders are forked from, as seen by who wants one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from typing import Final

from affect_core.decoder_messages import READY

_START_S: Final = 60.0
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG")


class DecoderParent:
    """The process that decoders are forked from; it ends with this object at the latest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "affect_core.decoder_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={"OPENBLAS_NUM_THREADS": "1"}
                | {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                stdin=subprocess.DEVNULL,
                # What FFmpeg says goes nowhere: it may name what is in a clip.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.close = weakref.finalize(self, _end, process, self._control)
        """Have it end. Decoders at work are left to it."""

    def fork(self, memory: int) -> socket.socket | None:
        """A decoder that writes pixels into this memory; None where the parent has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                with self._lock:
                    socket.send_fds(self._control, [READY], [theirs.fileno(), memory])
            except OSError:
                ours.close()
                return None
        ours.settimeout(_START_S)
        try:
            if ours.recv(1) == READY:
                return ours
        except OSError:
            pass
        ours.close()
        return None


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    process.kill()
    process.wait()
