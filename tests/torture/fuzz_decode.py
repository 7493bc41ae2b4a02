"""Coverage-guided fuzzing of bytes -> samples, with libFuzzer by way of atheris.

    PYTHONPATH=tests python -m torture.fuzz_decode --minutes 1 --keep found

What guides it is the coverage of our Python (`affect_core`, by bytecode); FFmpeg comes as it is
in PyAV's wheel, without instrumentation. So inputs are kept that reach new lines and branches
of ours: another error, another clock, the second pass over a damaged clip. Inside FFmpeg it
mutates blindly, from a corpus of every family.

An input is kept, named by its digest, where it raises what is no `ClipError`, ends the process,
takes longer than 20 s or more than 2 GiB. The fuzzer then goes on until the time is over, and
ends with status 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from torture.decoding import importable

_LONGEST: Final = 1 << 16
_SEEDS: Final = 400
_KEPT: Final = ("crash-", "timeout-", "oom-", "leak-")


def fuzz(seconds: float, keep: Path, seeds: int = _SEEDS) -> int:
    """Fuzz for so long; how many inputs were tried.

    Args:
        seconds: at least; an input in hand is finished.
        keep: a folder for what was found.
        seeds: clips of the corpus to begin with.
    """
    keep.mkdir(parents=True, exist_ok=True)
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "torture.fuzz_decode", "--seeds", str(seeds)]
        environment = importable()
        subprocess.run([*command, "--write-seeds", folder], check=True, env=environment)
        until = time.monotonic() + seconds
        while (left := round(until - time.monotonic())) > 0:
            options = [f"-artifact_prefix={keep}/", f"-max_total_time={left}", "-timeout=20"]
            options += ["-rss_limit_mb=2048", f"-max_len={_LONGEST}", "-print_final_stats=1"]
            ended = subprocess.run(
                [*command, "--target", folder, *options],
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                env=environment,
            )
            counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", ended.stderr)
            covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", ended.stderr)
            if counted is None or not covered:
                raise RuntimeError(f"the fuzzer did not begin:\n{ended.stderr[-2000:]}")
            tried += int(counted[1])
            edges, features, corpus = covered[-1]
            sys.stdout.write(
                f"{counted[1]} inputs, {edges} edges of our Python, {features} features, "
                f"{corpus} inputs kept as a corpus, status {ended.returncode}\n"
            )
    return tried


def kept(keep: Path) -> list[Path]:
    """What was found."""
    return sorted(file for file in keep.iterdir() if file.name.startswith(_KEPT))


def _write_seeds(folder: Path, count: int) -> None:
    from torture.corpus import some

    for number, specimen in enumerate(some(count)):
        if len(specimen.data) <= _LONGEST:
            (folder / f"seed-{number}").write_bytes(specimen.data)


def _target(options: list[str]) -> None:
    """libFuzzer's loop. It ends the process."""
    import atheris

    with atheris.instrument_imports(include=["affect_core"]):
        from affect_core.decode import ClipReader
        from affect_core.errors import ClipError
        from affect_core.limits import Deadline, Limits
        from affect_core.types import Sampling
    limits = Limits(max_samples=200)

    def samples(data: bytes) -> None:
        try:
            with ClipReader(data, limits, Deadline(5)) as reader:
                for sample in reader.samples(Sampling()):
                    height, width = sample.image.shape[:2]
                    if (width, height) != (reader.info.width, reader.info.height):
                        raise AssertionError("a sample of another size")
        except ClipError:
            pass

    atheris.Setup([sys.argv[0], *options], samples)
    atheris.Fuzz()


def main() -> int:
    """Run as told on the command line; 1 where something was found."""
    parser = argparse.ArgumentParser(description="Fuzz the decoder.")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--keep", type=Path, default=Path("found"))
    parser.add_argument("--seeds", type=int, default=_SEEDS)
    parser.add_argument("--write-seeds", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", action="store_true", help=argparse.SUPPRESS)
    asked, options = parser.parse_known_args()
    if asked.target:
        _target(options)
    elif asked.write_seeds is not None:
        _write_seeds(asked.write_seeds, asked.seeds)
    else:
        before = set(kept(asked.keep)) if asked.keep.is_dir() else set()
        tried = fuzz(60 * asked.minutes, asked.keep, asked.seeds)
        found = [file for file in kept(asked.keep) if file not in before]
        sys.stdout.write(f"{tried} inputs tried; found {len(found)}\n")
        sys.stdout.writelines(f"{file}\n" for file in found)
        return 1 if found else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
