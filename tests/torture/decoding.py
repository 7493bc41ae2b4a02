"""Hostile clips through bytes -> samples, in a process of their own that may be lost.

As a program it works through the corpus and writes a line of JSON before and after each:

    python -m torture.decoding --count 1000 --seed 0 --skip 0
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from affect_core.decode import ClipReader
from affect_core.errors import ClipError
from affect_core.limits import Deadline, Limits
from affect_core.types import Sampling
from torture.corpus import FAMILIES, specimens

DEADLINE_S: Final = 5.0
LIMITS: Final = Limits(max_samples=200)
"""A hundredth of an hour's work for each clip; the service's own allow half an hour."""


class Decoded(NamedTuple):
    """What became of one clip: `answered`, `truncated`, a contract's code, or a defect."""

    family: str
    name: str
    outcome: str
    seconds: float = 0.0
    grown_mib: float = 0.0
    """By which the process grew at most meanwhile; of children nothing is known."""


def decode(data: bytes) -> str:
    """Read all samples of a clip at five a second; the outcome in a word."""
    try:
        with ClipReader(data, LIMITS, Deadline(DEADLINE_S)) as reader:
            for sample in reader.samples(Sampling()):
                height, width = sample.image.shape[:2]
                if (width, height) != (reader.info.width, reader.info.height):
                    return "defect: a sample of another size"
            return "truncated" if reader.info.truncated else "answered"
    except ClipError as error:
        return error.code
    except Exception as error:
        return f"defect: {type(error).__name__} at {_place(error)}"


def importable() -> dict[str, str]:
    """The environment in which another Python finds what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def decoded_apart(
    count: int,
    seed: int = 0,
    families: Sequence[str] = tuple(FAMILIES),
    *,
    hang_s: int = 60,
    program: str = "torture.decoding",
) -> Iterator[Decoded]:
    """What becomes of the first so many clips. One that ends its process is told as a `died`.

    Args:
        count: how many.
        seed: of the corpus.
        families: which.
        hang_s: a clip that takes longer ends its process, and is told as a `hung`.
        program: the module that works through them.

    Raises:
        RuntimeError: the corpus itself ended the process.
    """
    done = 0
    while done < count:
        command = [sys.executable, "-m", program, "--seed", str(seed)]
        command += ["--skip", str(done), "--count", str(count), "--hang-s", str(hang_s)]
        begun: Decoded | None = None
        with subprocess.Popen(
            [*command, "--families", *families],
            stdout=subprocess.PIPE,
            text=True,
            env=importable(),
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                said = Decoded(*json.loads(line))
                begun = said if said.outcome == "begun" else None
                if begun is None:
                    done += 1
                    yield said
        if begun is not None:
            done += 1
            hung = child.returncode == -signal.SIGALRM
            yield begun._replace(outcome="hung" if hung else f"died: {child.returncode}")
        elif child.returncode:
            raise RuntimeError(f"the corpus ends its process: {child.returncode}")
        else:
            return


def _say(decoded: Decoded) -> None:
    sys.stdout.write(json.dumps(decoded) + "\n")
    sys.stdout.flush()


def _memory_mib(kind: str) -> float:
    """What this process holds, `VmRSS`, or held at most since it was forgotten, `VmHWM`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    stated = next(line for line in status.splitlines() if line.startswith(kind))
    return int(stated.split()[1]) / 1024


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def main() -> None:
    """Work through a part of the corpus."""
    parser = argparse.ArgumentParser(description="Hostile clips through the decoder.")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hang-s", type=int, default=60)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    chosen = parser.parse_args()
    made = specimens(chosen.seed, tuple(chosen.families))
    for specimen in islice(made, chosen.skip, chosen.count):
        _say(Decoded(specimen.family, specimen.name, "begun"))
        _forget_peak()
        before = _memory_mib("VmRSS")
        # What hangs in C hears of nothing but a signal without a handler.
        signal.alarm(chosen.hang_s)
        began = time.perf_counter()
        outcome = decode(specimen.data)
        seconds = time.perf_counter() - began
        signal.alarm(0)
        grown = round(_memory_mib("VmHWM") - before, 1)
        _say(Decoded(specimen.family, specimen.name, outcome, round(seconds, 4), grown))


if __name__ == "__main__":
    main()
