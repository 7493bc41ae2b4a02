"""The program `affect` in tests: in this process, as a process, and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from affect_client.cli.app import app

PROGRAM = [sys.executable, "-W", "error", "-m", "affect_client.cli"]
PATIENCE_S = 120
_STYLES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ended:
    """What a program left."""

    status: int
    out: str
    err: str


def affect(
    *arguments: object, url: str | None = None, width: int = 100, stdin: bytes = b""
) -> Ended:
    """Run it here, with a server."""
    server = [] if url is None else ["--base-url", url]
    environment = {
        "COLUMNS": str(width),
        "NO_COLOR": "1",
        "AFFECT_BASE_URL": "",
        "AFFECT_API_KEY": "",
    }
    done = CliRunner().invoke(
        app, [*server, *map(str, arguments)], env=environment, input=stdin, prog_name="affect"
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.stdout, done.stderr)


def environment(**more: str) -> dict[str, str]:
    """Of a process, without what the tests' own has for the program."""
    ours = {"AFFECT_BASE_URL", "AFFECT_API_KEY", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    return {name: value for name, value in os.environ.items() if name not in ours} | more


def process(*arguments: object, **more: Any) -> subprocess.Popen[bytes]:
    """Start it as a process, its outputs in pipes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **more}
    return subprocess.Popen([*PROGRAM, *map(str, arguments)], **pipes)


def on_terminal(
    *arguments: object,
    width: int = 80,
    height: int = 40,
    until: Callable[[str], bool] | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Its status and all that it wrote to a terminal of that size, styles left out.

    Args:
        arguments: of the program.
        width: characters.
        height: lines.
        until: of what was written; press Ctrl-C when it is true.
        variables: of its environment.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    started = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm-256color", **(variables or {})),
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  it makes one system call
    )
    os.close(theirs)
    written, deadline = b"", time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            written += piece
            if until is not None and until(written.decode(errors="replace")):
                os.write(ours, b"\x03")
                until = None
        return started.wait(PATIENCE_S), _STYLES.sub("", written.decode(errors="replace"))
    finally:
        started.kill()
        os.close(ours)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
