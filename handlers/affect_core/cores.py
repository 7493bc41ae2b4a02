"""How many processor cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def available_cores(quota: Path = _QUOTA) -> int:
    """Cores by affinity, and no more than a container's quota allows; at least 1.

    A container with `--cpus 2` sees every core of its host, and as many threads as these would
    stand in each other's way.

    Args:
        quota: the control group's file (Linux, cgroup v2): microseconds in a period, or "max".
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        allowed, period = quota.read_text(encoding="ascii").split()
        share = math.ceil(int(allowed) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return cores or 1
    return max(1, min(cores or 1, share))
