"""The program as such: what it loads, its help, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from affect_client.cli.app import COMMANDS
from affect_client.cli.endings import Ending
from peers import Peer, Peers, every_request
from programs import affect, environment, process
from received import Received
from spoken import prediction, stream_lines

ROOT = Path(__file__).parents[4]
LOADED = """
import json, sys
from affect_client.cli import main
sys.argv = ["affect", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOADED.format(arguments=arguments)],
        capture_output=True, text=True, check=True, timeout=60, env=environment(),
    )  # fmt: skip
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_no_command_and_nothing_heavy() -> None:
    modules = loaded("--help")
    assert not {m for m in modules if m.startswith("affect_client.cli.commands.")}
    heavy = {"torch", "cv2", "numpy", "pandas", "pyarrow", "httpx", "affect_core", "affect_serving"}
    assert not modules & heavy


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_s_help_loads_that_command_alone(command: str) -> None:
    modules = loaded(command, "--help")
    mine = f"affect_client.cli.commands.{command}"
    assert {m for m in modules if m.startswith("affect_client.cli.commands.")} == {mine}
    assert not modules & {"torch", "cv2", "numpy", "pandas", "pyarrow", "httpx"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_line_about_a_command_is_its_own_first(command: str) -> None:
    module = __import__(f"affect_client.cli.commands.{command}", fromlist=[command])
    assert getattr(module, command).__doc__.splitlines()[0] == COMMANDS[command]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_tells_the_exit_statuses(command: str) -> None:
    done = affect(*filter(None, [command]), "--help")
    assert done.status == 0
    told = {int(number) for number in re.findall(r"^ *[•*] (\d+) ", done.out, re.MULTILINE)}
    assert told == {int(ending) for ending in Ending}


def options(command: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", affect(command, "--help").out))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    document = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert f"affect {command}" in document
    # Options that help texts only mention are options of somewhere.
    missing = {each for each in options(command) - {"--help"} if f"`{each}" not in document}
    assert not missing


def test_every_exit_status_is_documented() -> None:
    document = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", document, re.MULTILINE)}
    assert told == {int(ending) for ending in Ending}


def test_the_version() -> None:
    assert affect("--version").out == f"affectline {version('affectline')}\n"


def test_wrong_usage_is_2_and_helps() -> None:
    done = affect("predit", "clip.mp4")
    assert done.status == 2
    assert "predict" in done.err
    assert affect("predict").status == 2


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_what_is_not_installed_is_said(missing: str) -> None:
    # As if it were not there: Python takes None for that.
    program = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom affect_client.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == f"affect needs {missing}: pip install 'affectline[cli]'\n"


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("cv2", ["live", "--file", __file__], "camera"),
        ("pyarrow", ["predict", __file__, "-o", "t.parquet"], "data"),
    ],
)
def test_what_a_command_needs_is_said(module: str, arguments: list[str], extra: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = {arguments!r}\n"
        "from affect_client.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=False, timeout=60, env=environment(),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(f"pip install 'affectline[{extra}]'\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_matter(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")

    def flood(peer: Peer, request: Received) -> None:
        peer.begin_stream()
        for line in [stream_lines()[0], *[stream_lines()[1]] * 5000]:
            peer.chunk(json.dumps(line).encode() + b"\n")

    with Peers(every_request(flood)) as server:
        with process("--base-url", server.url, "stream", clip) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            assert b'"clip"' in running.stdout.readline()
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == Ending.PIPE
        server.wait_until_free()


def test_a_reader_that_never_read_a_table(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")

    def late(peer: Peer, request: Received) -> None:
        running.stdout.close()  # type: ignore[union-attr]
        peer.answer(prediction())

    with Peers(every_request(late)) as server:
        with process("--base-url", server.url, "predict", clip) as running:
            assert running.stderr is not None
            assert running.stderr.read() == b""
        assert running.returncode == Ending.PIPE


@pytest.mark.parametrize("many", [1, 3])
def test_ctrl_c_is_quiet(tmp_path: Path, many: int) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")

    def hang(peer: Peer, request: Received) -> None:
        peer.hang()

    with Peers(every_request(hang)) as server:
        running = process("--base-url", server.url, "predict", *[clip] * many)
        deadline = time.monotonic() + 60
        while not server.requests:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (Ending.STOPPED, b"", b"")


def test_a_terminal_that_has_few_characters(tmp_path: Path) -> None:
    clip = tmp_path / "clip \udcff.mp4"
    clip.write_bytes(b"a clip")
    with Peers(every_request(lambda peer, request: peer.answer(prediction()))) as server:
        running = process(
            "--base-url", server.url, "predict", clip, env=environment(PYTHONIOENCODING="ascii")
        )
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")
    assert b"+0.40" in out or b"|" in out
    assert "│" not in out.decode()
