"""A worker whose device is lost ends; one whose device is short of memory goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from affect_core.errors import DeviceLostError
from affect_core.runtime import telling_what_is_lost
from affect_serving.ending import STATUS

PROGRAM = """
import threading
from affect_core.errors import DeviceLostError
from affect_serving.ending import ending_with_the_device
threading.Thread(target=threading.Event().wait).start()
with ending_with_the_device():
    raise DeviceLostError("gone")
"""


@pytest.mark.parametrize(
    "error",
    [torch.AcceleratorError("any words"), RuntimeError("CUDA error: device-side assert triggered")],
)
def test_a_device_that_is_lost_is_told_apart(error: RuntimeError) -> None:
    with pytest.raises(DeviceLostError), telling_what_is_lost():
        raise error


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("memory"), RuntimeError("a shape")])
def test_other_failures_pass_as_they_are(error: RuntimeError) -> None:
    with pytest.raises(type(error)), telling_what_is_lost():
        raise error


def test_the_process_ends_whatever_its_threads_do() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=False)
    assert done.returncode == STATUS
