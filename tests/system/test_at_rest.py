"""No process of the service opens a file on a disk for writing, whatever is uploaded."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

import clips
from affect_serving.server import LIVE_MODEL
from live_steps import encoded, headers, jpeg
from ports import free_ports

pytestmark = pytest.mark.system

CANARY = b"canary-of-a-face"
JVM = Path("/tmp")  # noqa: S108  wherever its temporary files are, its counters are here
CALLS = "open,openat,openat2,creat,memfd_create,rename,renameat,renameat2,link,linkat,mknod,mknodat"
WRITING = re.compile(
    r"^(?:open|openat|openat2)\(.*\bO_(?:WRONLY|RDWR|CREAT|TMPFILE|APPEND|TRUNC)\b.* = \d+<(.*)>$"
    r"|^creat\(.* = \d+<(.*)>$"
)
MOVING = re.compile(r"^(?:rename|link|mknod)\w*\(.*\"(.*?)\".*\) = 0$")
IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "devpts", "proc", "sysfs", "cgroup2", "mqueue"}
JVM_COUNTERS = re.compile(r"/tmp/hsperfdata_\w+(/\d+)?")  # noqa: S108
"""The JVM's own performance counters; looked into below all the same."""


def filesystem(path: str) -> str:
    """Its kind, by the longest mount that it lies below."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        if (path + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(found[0]):
            found = (mount, kind)
    return found[1]


@pytest.fixture
def traced(live_store: Path, tmp_path: Path) -> Iterator[tuple[int, Path, psutil.Process]]:
    """`affect-serve run` below strace: its port, strace's folder, the process."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed; make test-system does it")
    (tmp_path / "calls").mkdir()
    port = free_ports(6)
    command = [program, "-ff", "-qq", "-y", "--seccomp-bpf", "-e", f"trace={CALLS}"]
    command += ["-e", "signal=none", "-s", "4096", "-o", str(tmp_path / "calls" / "of")]
    command += [sys.executable, "-m", "affect_serving.cli", "run"]
    command += ["--model-store", str(live_store), "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        strace = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        )
    try:
        deadline = time.monotonic() + 240
        while "ready: POST" not in (tmp_path / "log").read_text(errors="replace"):
            assert strace.poll() is None, (tmp_path / "log").read_text(errors="replace")
            assert time.monotonic() < deadline
            time.sleep(0.2)
        (service,) = psutil.Process(strace.pid).children()
        yield port, tmp_path, service
    finally:
        for child in psutil.Process(strace.pid).children():
            child.send_signal(signal.SIGTERM)
        strace.wait(90)


def load(port: int) -> None:
    """Small and large, whole and in parts, good and bad, whole answers, streams and sessions."""
    affect = f"http://127.0.0.1:{port}/predictions/affect"
    clip = clips.portrait_pan(0.4)
    large = clip + CANARY * 1_500_000  # 24 MB
    name = CANARY.decode()
    with httpx.Client(timeout=240) as http:
        for data in (clip + CANARY, large):
            for options in ("{}", '{"stream": true}', f'{{"{name}": 1}}'):
                http.post(affect, files={"data": (name, data)}, data={"options": options})
            http.post(affect, content=data, headers={"content-type": "application/octet-stream"})
            http.post(affect, content=data, headers={"content-type": "application/json"})
            http.post(affect, content=data, headers={"content-type": "text/plain"})
            http.post(affect, files={name: (name, data)}, headers={"x-name": name})
        http.post(affect, files={"data": (name, CANARY * 1_500_000)})
        picture = jpeg(clips.decoded(clip)[0]) + CANARY
        parts = {"frame0": (name, picture), "options": (name, bytes(encoded({"times_s": [0.0]})))}
        live = f"http://127.0.0.1:{port}/predictions/{LIVE_MODEL}"
        answer = http.post(live, files=parts, headers=headers(name, start=True, end=True))
        assert answer.status_code == 200


def test_nothing_is_written_but_into_memory(traced: tuple[int, Path, psutil.Process]) -> None:
    port, folder, service = traced
    load(port)
    family = [service, *service.children(recursive=True)]
    run_folder = next(Path(p.cwd()) for p in family if p.name() == "java")
    assert filesystem(str(run_folder)) == "tmpfs"
    assert holding_canary([run_folder, *JVM.glob("hsperfdata_*")]) == []
    assert CANARY not in (folder / "log").read_bytes()
    traces = [file.read_text(errors="replace") for file in (folder / "calls").iterdir()]
    lines = [line for trace in traces for line in trace.splitlines()]
    written = {path for line in lines if (found := WRITING.match(line)) for path in found.groups()}
    written |= {found[1] for line in lines if (found := MOVING.match(line))}
    paths = {path.removesuffix(" (deleted)") for path in written if path and path[0] == "/"}
    paths = {path for path in paths if not path.startswith("/memfd:")}
    # The watch sees what Java and Python write.
    assert {str(run_folder / "tmp" / ".model_server.pid"), "/dev/null"} <= paths, sorted(paths)
    assert any(Path(path).name.startswith("libnetty") for path in paths), sorted(paths)
    on_disk = {path for path in paths if filesystem(path) not in IN_MEMORY}
    assert {path for path in on_disk if not JVM_COUNTERS.fullmatch(path)} == set()


def holding_canary(folders: list[Path]) -> list[Path]:
    """Files that have it in them."""
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_socket() and CANARY in path.read_bytes()
    ]
