"""What goes wrong with a machine, done to a service. `python -m torture.faults` prints a table."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

import clips
from affect_serving.server import LIVE_MODEL
from small_store import export_small
from torture.service import Service
from torture.sick import Suffered, suffer

_HERE: Final = Path(__file__).parent
_CGROUPS: Final = Path("/sys/fs/cgroup/memory")
_SET_CLOCK: Final = "AFFECT_TORTURE_SET_CLOCK"
_OFF_S: Final = 2.0
_DISK_MB: Final = 600
_FULL_S: Final = 5.0
_GROUP_BYTES: Final = 64 << 20
_LARGE_BYTES: Final = 12_000_000
"""Of an upload that is large for TorchServe."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Args:
        name: for the table.
        happens: while the context lasts; healing is timed from its end.
        live: what is asked for is a live session, not a clip.
        missing: why it cannot be done here, or None.
        prefix: a command that the service is started by.
        environment: of the service, given a folder of its own.
    """

    name: str
    happens: Callable[[Service, Path], object]
    live: bool = False
    missing: Callable[[], str | None] = lambda: None
    prefix: Sequence[str] = ()
    environment: Callable[[Path], dict[str, str]] = field(default=lambda _folder: {})


def _kill_worker(service: Service, _folder: Path) -> None:
    service.worker().kill()


def _stop_worker(service: Service, _folder: Path) -> None:
    service.worker().suspend()


def _kill_live_worker(service: Service, _folder: Path) -> None:
    service.worker(LIVE_MODEL).kill()


def _kill_frontend(service: Service, _folder: Path) -> None:
    service.java().kill()


def _stop_frontend(service: Service, _folder: Path) -> None:
    service.java().suspend()


def _exhaust_memory(service: Service, _folder: Path) -> None:
    """The kernel ends the worker: a group allows less beyond what it has than an upload takes."""
    worker = service.worker()
    group = _CGROUPS / f"affect-torture-{os.getpid()}"
    group.mkdir()
    try:
        # What it has stays with the group that it comes from.
        (group / "memory.limit_in_bytes").write_text(str(_GROUP_BYTES))
        (group / "cgroup.procs").write_text(str(worker.pid))
        with suppress(httpx.HTTPError):
            data = clips.no_face() + bytes(2 * _GROUP_BYTES)
            httpx.post(f"{service.url}/predictions/affect", files={"data": data}, timeout=30)
        worker.wait(30)
    finally:
        with suppress(OSError):
            for pid in (group / "cgroup.procs").read_text().split():
                (_CGROUPS / "cgroup.procs").write_text(pid)
            group.rmdir()


def _no_group() -> str | None:
    writable = os.access(_CGROUPS / "cgroup.procs", os.W_OK)
    return None if writable else "no memory cgroup (v1) that may be written"


def _lose_device(_service: Service, folder: Path) -> None:
    (folder / "lose").touch()


def _losing(folder: Path) -> dict[str, str]:
    path = f"{_HERE / 'seam'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return {"PYTHONPATH": path, "AFFECT_TORTURE_LOSE_DEVICE": str(folder / "lose")}


def _fill_disk(service: Service, _folder: Path) -> None:
    """For five seconds there is no room. Uploads wait in Java's memory: clips are answered."""
    (run,) = service.run_folders()
    root = Path(f"/proc/{service.java().pid}/root")
    filling = root / run.relative_to("/") / "tmp" / "filling"
    full_until = time.monotonic() + _FULL_S
    with filling.open("wb", buffering=0) as file:
        while time.monotonic() < full_until:
            with suppress(OSError):
                while True:
                    file.write(bytes(1 << 20))
            for clip in (clips.no_face(), clips.no_face() + bytes(_LARGE_BYTES)):
                url = f"{service.url}/predictions/affect"
                answer = httpx.post(url, files={"data": clip}, timeout=30)
                assert answer.status_code == 200, answer.text
            time.sleep(0.1)
    filling.unlink()


def _cannot_mount() -> str | None:
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else "may not make a mount namespace"


def _jump(_service: Service, _folder: Path) -> None:
    """An hour ahead, two hours back, and as it was; the monotonic clock goes on as ever."""
    right_s = time.time() - time.monotonic()
    try:
        for off_s in (3600, -3600):
            time.clock_settime(time.CLOCK_REALTIME, right_s + time.monotonic() + off_s)
            time.sleep(_OFF_S)
    finally:
        time.clock_settime(time.CLOCK_REALTIME, right_s + time.monotonic())


def _clock_is_not_ours() -> str | None:
    return None if os.environ.get(_SET_CLOCK) else f"{_SET_CLOCK}=1 lets it set this machine's"


def _slow_clients(service: Service, _folder: Path) -> None:
    """A hundred uploads that come in drops, and go on while healing is timed."""
    program = [sys.executable, "-m", "torture.drops", str(service.port), "100", "20"]
    threading.Thread(target=subprocess.run, args=(program,), kwargs={"cwd": _HERE.parent}).start()
    time.sleep(2)


_SMALL_DISK: Final = (
    *("unshare", "-m", "sh", "-c"),
    f'mount -t tmpfs -o size={_DISK_MB}m tmpfs /dev/shm && TMPDIR=/dev/shm exec "$0" "$@"',
)

FAULTS: Final = [
    Fault("worker killed", _kill_worker),
    Fault("worker stopped", _stop_worker),
    Fault("worker out of memory", _exhaust_memory, missing=_no_group),
    Fault("GPU lost", _lose_device, environment=_losing),
    Fault("worker of live sessions killed", _kill_live_worker, live=True),
    Fault("front end killed", _kill_frontend),
    Fault("front end stopped", _stop_frontend),
    Fault("disk full", _fill_disk, prefix=_SMALL_DISK, missing=_cannot_mount),
    Fault("clock jumps", _jump, missing=_clock_is_not_ours),
    Fault("a hundred slow clients", _slow_clients),
]


@contextmanager
def ill(fault: Fault, store: Path, folder: Path) -> Iterator[Service]:
    """A service that the fault can be done to."""
    environment = fault.environment(folder)
    log = folder / "log"
    with Service(store, log, prefix=fault.prefix, environment=environment) as service:
        yield service


def undergo(fault: Fault, store: Path, folder: Path) -> Suffered:
    """Start a service, let the fault happen, and see what it does to clients."""
    with ill(fault, store, folder) as service:
        return suffer(service, lambda: fault.happens(service, folder), live=fault.live)


def main() -> int:
    """0 where every fault that can be done here was got over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="all unless given; a part of a name is enough")
    names = parser.parse_args().names
    chosen = [f for f in FAULTS if not names or any(name in f.name for name in names)]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        store = export_small(Path(folder) / "store", "vgg19")
        sys.stdout.write("| fault | healthy after | calls | tried again | lost | wrong |\n")
        sys.stdout.write("| --- | --- | --- | --- | --- | --- |\n")
        for number, fault in enumerate(chosen):
            why = fault.missing()
            if why is not None:
                sys.stdout.write(f"| {fault.name} | not done: {why} | | | | |\n")
                continue
            own = Path(folder) / str(number)
            own.mkdir()
            suffered = undergo(fault, store, own)
            good = good and suffered.good
            sys.stdout.write(f"| {fault.name} | {suffered.row()} |\n")
            sys.stdout.flush()
            shutil.rmtree(own)
    return int(not good)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
