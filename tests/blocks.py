"""Code blocks of documents, run as they stand, and what they print beside what is shown.

The rule for shown output, here and nowhere else: it is the fenced block without a language that
follows its code with nothing but one empty line between. Words and whole numbers must be what is
printed. Numbers with a point or an exponent depend on the model and the machine, and so do names of
requests and digests: each stands for any other. A line `...` stands for any lines, spaces for any
spaces. Blocks of one page share a namespace, and URLs at 127.0.0.1:8080 to 8082 are the server's.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```\n(?:\n```\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_MASKS = {
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "<id>",
    r"sha256:[0-9a-f.]+": "<digest>",
    r"[+-]?\d+(\.\d+(e[+-]?\d+)?|e[+-]?\d+)\b": "<number>",
    r"[ \t]+": " ",
}


@dataclass(frozen=True)
class Block:
    """Code of one language in a document, and the output that is shown, if any."""

    language: str
    code: str
    line: int
    shown: str | None


def blocks_of(path: Path, languages: set[str]) -> list[Block]:
    """All blocks of some languages, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 2, found[3])
        for found in _FENCED.finditer(text)
        if found[1] in languages
    ]


def run_python(path: Path, folder: Path, environment: dict[str, str], port: int) -> list[str]:
    """What each of a page's Python blocks prints, run one after the other in a fresh process."""
    blocks = [asdict(block) for block in blocks_of(path, {"python"})]
    for block in blocks:
        block["code"] = _moved(block["code"], 8080, port)
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        input=json.dumps({"page": path.name, "blocks": blocks}),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{path.name}\n{done.stdout}\n{done.stderr}"
    printed: list[str] = json.loads(done.stdout)
    return [_moved(text, port, 8080) for text in printed]


def run_bash(block: Block, folder: Path, environment: dict[str, str], port: int) -> str:
    """What a bash block prints; it must not fail anywhere."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _moved(block.code, 8080, port)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
    return _moved(done.stdout, port, 8080)


def agrees(shown: str, printed: str) -> bool:
    """Whether output is as it is shown, by the rule above."""
    lines = [".*" if each == "..." else re.escape(each) for each in _masked(shown).splitlines()]
    return re.fullmatch("\n".join(lines), _masked(printed).rstrip("\n"), re.DOTALL) is not None


def _masked(text: str) -> str:
    for pattern, mask in _MASKS.items():
        text = re.sub(pattern, mask, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _moved(text: str, old: int, new: int) -> str:
    for offset in range(3):
        text = text.replace(f"127.0.0.1:{old + offset}", f"127.0.0.1:{new + offset}")
    return text


def _run(page: str, blocks: list[dict[str, Any]]) -> list[str]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for block in blocks:
        # Empty lines before it: a traceback names the page's line.
        code = compile("\n" * (block["line"] - 1) + block["code"], page, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, namespace)  # noqa: S102
        printed.append(output.getvalue())
    return printed


if __name__ == "__main__":
    json.dump(_run(**json.load(sys.stdin)), sys.stdout)
