"""`affect-train`: the commands of the training side."""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

import typer
from rich.console import Console
from rich.logging import RichHandler
from typer.core import TyperGroup

COMMANDS: Final = {
    "synth": "synth",
    "manifest": "manifest",
    "prepare": "prepare",
    "fit": "fit",
    "evaluate": "evaluate",
    "smooth": "evaluate",
    "groups": "groups",
    "timing": "timing",
    "confidence": "confidence",
    "pack": "pack",
    "export": "export",
    "untrained": "export",
    "table1": "tables",
    "table2": "tables",
    "figures": "figures",
    "quickstart": "quickstart",
}
"""Commands in the order of the road, and the module of `commands` that holds each."""


class _Commands(TyperGroup):
    """Imports the one command that is called: all of them take seconds.

    Contexts and commands are click's, of which Typer has had two copies: hence Any.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the road."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module = importlib.import_module(f"affect_training.commands.{place}")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            return typer.main.get_command(group)
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(alone)


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def main() -> None:
    """From rated clips to an archive that TorchServe serves."""
    logging.basicConfig(
        level=logging.WARNING,
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
        format="%(message)s",
    )
