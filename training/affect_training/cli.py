"""`affect-train`: the commands of the training side."""

from __future__ import annotations

import logging

import typer
from rich.console import Console
from rich.logging import RichHandler

from affect_training.commands.evaluate import evaluate, smooth
from affect_training.commands.export import export, untrained
from affect_training.commands.figures import figures
from affect_training.commands.fit import fit
from affect_training.commands.manifest import app as manifest
from affect_training.commands.prepare import prepare
from affect_training.commands.synth import synth
from affect_training.commands.tables import table1, table2

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def main() -> None:
    """From rated clips to an archive that TorchServe serves."""
    logging.basicConfig(
        level=logging.WARNING,
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
        format="%(message)s",
    )


app.command()(synth)
app.add_typer(manifest, name="manifest")
for _command in (prepare, fit, evaluate, smooth, table1, table2, figures, export, untrained):
    app.command()(_command)
