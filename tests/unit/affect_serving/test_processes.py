from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from affect_serving.cli import _held_back
from affect_serving.processes import check_free, has_ended, in_memory, kill_java, memory_folder
from ports import free_ports

Partition = namedtuple("Partition", "mountpoint fstype")


def test_a_folder_on_a_disk_is_told_from_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "memory" / "run"
    inner.mkdir(parents=True)
    mounts = [Partition("/", "ext4"), Partition(str(tmp_path / "memory"), "tmpfs")]
    mounts += [Partition(str(tmp_path / "memory-not"), "ext4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert in_memory(inner)
    assert not in_memory(tmp_path)
    (tmp_path / "link").symlink_to(inner)
    assert in_memory(tmp_path / "link")
    mounts.append(Partition(str(inner), "overlay"))
    assert not in_memory(inner)


def test_the_folder_that_is_taken_for_memory_is_memory() -> None:
    folder = memory_folder()
    assert folder is None or in_memory(Path(folder))


FRONT_END = """
import socket, sys, subprocess
if len(sys.argv) > 2:
    sys.exit(subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]]).returncode)
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
much = b"x" * 400_000_000
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("orphaned", [False, True])
def test_the_ports_of_a_front_end_that_was_killed_are_free(*, orphaned: bool) -> None:
    port = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-c", FRONT_END, str(port), FRONT_END],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"up\n"
    assert not has_ended(process)
    if orphaned:
        # Who started it was killed, and nobody can ask any more for its children.
        process.kill()
        process.wait()
    kill_java(process)
    kill_java(process)  # safe to repeat
    assert has_ended(process)
    check_free("127.0.0.1", port)
    process.stdout.close()
    process.stdin.close()


def test_a_signal_in_the_middle_counts_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    done = []

    def told_to_stop() -> None:
        with _held_back():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        told_to_stop()
    assert done == ["the rest"]
    assert signal.getsignal(signal.SIGTERM) is before
    with _held_back():
        pass
