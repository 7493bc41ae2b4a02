"""Memory of a program that uploads 200 MB, measured from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from peers import Peer, Peers
from received import Received
from spoken import prediction

SIZE = 200_000_000
ALLOWED_GROWTH_BYTES = 24 << 20
PROGRAM = """
import asyncio, json, sys
from affect_client import AffectClient, AsyncAffectClient

def peak():
    # Not getrusage: a child's begins with its parent's.
    with open("/proc/self/status") as status:
        text = status.read()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024

kind, url, path, warm = sys.argv[1:]

async def run():
    async with AsyncAffectClient(base_url=url) as client:
        await client.predict(warm)
        before = peak()
        await client.predict(path)
        return peak() - before

if kind == "async":
    print(json.dumps(asyncio.run(run())))
else:
    with AffectClient(base_url=url) as client:
        client.predict(warm)
        before = peak()
        source = open(path, "rb") if kind == "file" else path
        client.predict(source)
        print(json.dumps(peak() - before))
"""


def swallow(peer: Peer) -> None:
    """Count the body without keeping it."""
    while True:
        request = peer.read_head()
        size = int(request.headers["content-length"])
        left = size - len(peer.rest)
        peer.rest.clear()
        while left > 0:
            left -= len(peer.recv())
        peer.server.requests.append(Received("POST", "", {"size": str(size)}, b""))
        peer.answer(prediction())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("kind", ["path", "file", "async"])
def test_a_large_file_is_not_held_in_memory(kind: str, tmp_path: Path) -> None:
    large, small = tmp_path / "large.mp4", tmp_path / "small.mp4"
    small.write_bytes(b"x" * 300_000)
    with large.open("wb") as file:
        file.truncate(SIZE)
    with Peers(swallow) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, kind, server.url, large, small],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    if kind != "file":  # whose file is the interpreter's to close
        assert done.stderr == ""
    assert done.returncode == 0, done.stderr
    assert int(server.requests[-1].headers["size"]) > SIZE
    assert json.loads(done.stdout) < ALLOWED_GROWTH_BYTES
