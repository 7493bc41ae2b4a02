"""`affect`: the client on the command line (extra `cli`)."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The program `affect`, or a sentence that says what to install for it."""
    try:
        from affect_client.cli.app import run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"typer", "rich"}:
            raise
        sys.stderr.write(f"affect needs {missing}: pip install 'affectline[cli]'\n")
        sys.exit(2)
    run()
