"""The commands by name; each one's module is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from affect_client.cli.endings import reported
from affect_client.cli.setup import Setup

COMMANDS: Final = {
    "predict": "Arousal and valence of clips, as a table, JSON, CSV or Parquet.",
    "stream": "Arousal and valence of a clip, sample by sample while the server works.",
    "live": "Arousal and valence now, of a camera or a recording.",
    "report": "A page to look at: the clip beside its arousal and valence.",
    "health": "Whether the server answers, how fast, and with which models.",
    "describe": "What is served, what its numbers rest on, and what it makes of a clip.",
    "learn": "A known clip: write its answer by a server that is trusted.",
    "compare": "A known clip: whether its answer is still what was learned.",
    "probe": "A known clip, again and again: whether its answer holds, for Prometheus.",
}
"""Commands, and what each is for in a line. The module of `commands` has the same name."""

ENDINGS: Final = """Exit status, of several the largest:

- 0 good
- 1 a clip was refused or cannot be read, or a file cannot be written
- 2 wrong usage, or something is not installed
- 3 no server, or not ours, or it does not let us in
- 4 too late or too busy: another time it may be well
- 5 the server failed
- 130 Ctrl-C
- 141 who read the output has left
"""
_MARKUP: Final = "markdown"
_SERVER: Final = "Server"


class _Command(TyperCommand):
    """A command that takes the program's options too, so that they may stand on either side.

    Contexts are click's, of which Typer has had two copies: hence Any.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run it with what was given before and after its name; what comes after holds."""
        given = {name: ctx.params.pop(name) for name in Setup.OPTIONS if name in ctx.params}
        ctx.obj = ctx.obj.with_given(**given)
        return super().invoke(ctx)


class _Commands(TyperGroup):
    """Knows all commands and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, and what is left for it."""
        if args[0] not in COMMANDS:
            return super().resolve_command(ctx, args)
        module = importlib.import_module(f"affect_client.cli.commands.{args[0]}")
        alone = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP)
        named = alone.command(args[0], cls=_Command, epilog=ENDINGS)
        named(getattr(module, args[0]))
        command = typer.main.get_command(alone)
        command.params += [each for each in self.params if each.name in Setup.OPTIONS]
        return args[0], command, args[1:]

    def invoke(self, ctx: Any) -> Any:
        """Run what was called; what goes wrong on the way ends in a sentence."""
        with reported():
            return super().invoke(ctx)


app = typer.Typer(
    name="affect",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=_MARKUP,
    epilog=ENDINGS,
)


def _version(wanted: bool) -> None:  # noqa: FBT001  Typer gives it so
    if wanted:
        try:
            found = version_of("affectline")
        except PackageNotFoundError:
            found = "of no known version"
        typer.echo(f"affectline {found}")
        raise typer.Exit


@app.callback()
def affect(
    ctx: typer.Context,
    *,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Of predictions. Else AFFECT_BASE_URL, else http://127.0.0.1:8080.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="Else AFFECT_API_KEY, which unlike this does not show in lists of processes.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Longest wait for an answer, all attempts together; of a stream, for its "
            "beginning and for each line. Default: half an hour for an attempt.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How often to try again where that can help; 4 unless given.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    _shown: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Of this program."),
    ] = False,
) -> None:
    """Arousal and valence of faces in clips, from an affectline server."""
    ctx.obj = Setup(base_url=base_url, api_key=api_key, timeout=timeout, retries=retries)


def run() -> None:
    """The program, with whatever the terminal cannot write replaced."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    app(prog_name="affect")
