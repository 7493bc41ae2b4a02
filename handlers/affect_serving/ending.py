"""A worker that cannot go on ends itself, and TorchServe or `affect-serve run` starts another."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from affect_core.errors import DeviceLostError

_log = logging.getLogger(__name__)

STATUS: Final = 70
"""Of the process; EX_SOFTWARE of sysexits.h."""


@contextmanager
def ending_with_the_device() -> Iterator[None]:
    """End this process where the model's device is lost.

    Without it every request to come would fail, and the worker would be READY all the while.
    """
    try:
        yield
    except DeviceLostError as error:
        _log.error("worker ends: %s", error)
        logging.shutdown()
        # Python's own way out would wait for threads, and for a device that does not answer.
        os._exit(STATUS)
